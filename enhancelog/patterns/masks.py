"""Masks what is a value by its form, by one ordered table of rules."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, NamedTuple

from enhancelog.domain.telling_lines import telling_line
from enhancelog.patterns.holes import Masked
from enhancelog.patterns.lists import collapse
from enhancelog.patterns.marks import LETTER, MARK, UNSPACED, WORDY, Marks, unmarked
from enhancelog.patterns.words import CONSTANTS

LONGEST: Final = 1_000  # characters of a detail that are looked at
LONGEST_TEMPLATE: Final = 400

_ALONE: Final = f"(?<!{WORDY})"
_ENDS: Final = f"(?!{WORDY})"

# A quote within quotes: before it opens, perhaps with a letter as in f"…", and after it closes
_OPENS: Final = r"(?:(?<=[\s(=\[{,])|(?<=[\s(=\[{,][fbru]))"
_CLOSES: Final = r"(?=[\s.,;:)\]}%\"'])"
_QUOTES: Final = (
    r"(?P<ticks>`{1,9}+)[^`]++(?P=ticks)",
    r"(?<![`\w])`(?=[^`\s])[^`]++\Z",
    rf'(?<!\\)"(?:[^"\\]++|\\.|{_OPENS}"(?=[\w%{{(<$])[^"\\]*+"{_CLOSES})*+"',
    "“[^“”]*”",
    "„[^„“”]*[“”]",
    "«[^«»]*»",
    "»[^«»]*«",
    "‹[^‹›]*›",
    "「[^「」]*」",
    "『[^『』]*』",
    "【[^【】]*】",
    "《[^《》]*》",
    rf"(?<!\\){_ALONE}'(?:[^'\\]++|\\.|{_OPENS}'(?=[\w%{{(<$])[^'\\]*+'{_CLOSES}|(?<={WORDY})'(?={WORDY}))*+'{_ENDS}",
    f"‘(?:[^‘’]++|(?<={WORDY})’(?={WORDY}))*+’{_ENDS}",
    "‚[^‚‘’]*[‘’]",
)
_MONTHS: Final = (
    r"(?:(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Okt|Nov|Dec|Dez)\b\.?|January|February|March|April|May|June|July|August"
    "|September|October|November|December|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember|janvier|février|mars|avril|mai"
    "|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre"
    "|octubre|noviembre|diciembre|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)"
)
_CLOCK: Final = (
    r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\b\.?)?(?: ?(?:Z|UTC|GMT|CET|Uhr)\b| ?[+-]\d\d:?\d\d)?"
)
_DAY: Final = (
    r"(?:(?:\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}/\d{1,2}/\d{4}|\d{1,2}-\d{1,2}-\d{4}"
    r"|\d{1,2}\. ?\d{1,2}\. ?\d{4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.)? (?:de )?{_MONTHS}(?:,? (?:de )?\d{{4}}\b)?"
    rf"|{_MONTHS} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?|\d{{1,2}}/{_MONTHS}/\d{{4}})"
    r"(?!\d)|\d{4} ?年 ?\d{1,2} ?月 ?\d{1,2} ?日|\d{4} ?년 ?\d{1,2} ?월 ?\d{1,2} ?일)"
)
_WEEKDAY: Final = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:\.|[a-z]{3,6})?,? )"
_NUMBER: Final = (
    r"(?:\d{1,3}(?:(?:[,'’ ]\d{3})+(?:\.\d+)?|(?:[.'’ ]\d{3})+(?:,\d+)?|(?:,\d\d)+,\d{3})(?!\d|[.,]\d)"
    r"|\d+(?:[.,_]\d+)*)"
    r"(?:[eE][+-]?\d+)?"
)
_UNIT: Final = r"(?:[mµun]?s|secs?|mins?|[mhdwkKMGTBxe]|hrs?|[kKMGT]i?[bB]|bytes?|tok|px|em|st|nd|rd|th|ers?|ème|º|ª)"
_CURRENCY: Final = "[$€£¥₩₹₽₺฿¢]"
_CODE: Final = "(?:USD|EUR|GBP|JPY|CHF|CNY|RMB|KRW|INR|RUB|BRL|CAD|AUD|MXN|SEK|NOK|DKK|PLN|CZK|HUF|TRY|ZAR|SGD|HKD|NZD)"
_EXTENSION: Final = (
    "(?:pyi?|[mc]?jsx?|tsx?|rs|go|c|h|cc|[ch]pp|cs|java|kt|rb|php|swift|scala|sh|bash|sql|lua|pl|mdx?|rst|txt|jsonl?|ndjson"
    "|ya?ml|toml|ini|cfg|conf|env|lock|xml|html?|s?css|svg|png|jpe?g|gif|webp|pdf|[ct]sv|xlsx?|docx?|log|db|sqlite|zip|t?gz"
    "|tar|whl|jar|exe|dll|so|proto|graphql|ipynb|vue|po|mo|j2|tmpl|tf)"
)
# A part of a path up to a character that may end it. No two slashes in a row.
_SLASHED: Final = r"(?:(?:[.@~%+$?=&\[{-]|(?<![/\\])\\){0,99}+" + rf"(?:{WORDY}|[*}}\]]|(?<![/\\])/))"
_FOLDER: Final = rf"(?:{WORDY}(?:{WORDY}|[.@~-]){{0,254}}+/|\.{{1,2}}/)"
# What holds the parts of an identifier together
_GLUE: Final = r"(?:[-./@+]|:{1,2}+|[#~$&*|\\]{1,3}+)"
# The same without the colon, which may also stand between two values
_TIGHT: Final = r"(?:[-./@+]|[#~$&*|\\]{1,3}+)"
_CHUNK: Final = rf"(?:{WORDY}++|{MARK})(?:{_TIGHT}?+(?:{WORDY}++|{MARK}))"
_UNGLUED: Final = r"(?<![-./:@+#~$&*|\\])"
# A character within an identifier
_WITHIN: Final = rf"(?:{WORDY}|{_GLUE}(?={WORDY}))"
_URL_CHARACTER: Final = rf"[^\s<>\"'`“”«»、。，（）{UNSPACED}]"


# The method of a quoted request says what was tried
_REQUEST: Final = re.compile(rf"([A-Z]{{3,9}}+) ((?:/|{MARK})\S*+(?: [A-Z]++/[\d.]++)?+)")
_GLUED: Final = re.compile(rf"(?<![=\w]=)(?<![-./@+#~$&*|\\])(?<!{MARK}){_ALONE}{_CHUNK}++|(?<={WORDY}=){_CHUNK}*+")
_OPEN_HOLE: Final = re.compile("⟨[^⟩⟨]*+$")


class _Mask(NamedTuple):
    """``form`` becomes a hole of ``kind``, unless ``unless`` matches."""

    kind: str
    form: re.Pattern[str]
    unless: Callable[[str], bool]


def _row(kind: str, *forms: str, unless: Callable[[str], bool] = lambda value: False) -> _Mask:
    return _Mask(kind, re.compile("|".join(forms)), unless)


def _is_word_or_number(value: str) -> bool:
    return value.isdigit() or not any(character.isdigit() for character in value)


_MASKS: Final = (
    _row(
        "url",
        rf"{_ALONE}[A-Za-z][A-Za-z0-9+.-]{{0,20}}://{_URL_CHARACTER}*(?<![.,;:!?)\]}}])",
        rf"{_ALONE}www\.{_URL_CHARACTER}+(?<![.,;:!?)\]}}])",
    ),
    _row(
        "email",
        rf"(?:(?<![.+/@-]){_ALONE}(?:{WORDY}|[.+-])+|(?<![^\s(<:,;])[\w.+-]+)"
        rf"@(?:{WORDY}|-)+(?:\.(?:{WORDY}|-)+)*\.{LETTER}{{2,}}",
    ),
    _row("name", *_QUOTES),
    _row(
        "hex",
        rf"{_ALONE}(?:[A-Za-z]{{1,9}}-)?[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}{_ENDS}",
        rf"{_ALONE}(?:(?:sha\d+|md5|blake\d\w?)[:-])?[0-9a-fA-F]{{32,}}(?:…|\.\.\.)?{_ENDS}",
        rf"{_ALONE}(?:0[xX][0-9a-fA-F_]+|U\+[0-9a-fA-F]{{4,6}}){_ENDS}",
    ),
    _row(
        "hex",
        rf"{_ALONE}(?<!-)(?:[0-9a-f]{{7,}}|[0-9A-F]{{8,}})(?:…|\.\.\.)?(?!{WORDY}|[.-]{WORDY})",
        unless=_is_word_or_number,
    ),
    _row(
        "date",
        rf"{_ALONE}(?<![-/.]){_WEEKDAY}?{_DAY}(?:(?:[T:]|,? (?:at |um |à |a las |в )?){_CLOCK}(?: \d{{4}}\b)?)?{_ENDS}",
        rf"{_ALONE}(?<![:.]){_CLOCK}(?!{WORDY}|[:.]\d)",
    ),
    _row("id", r"(?<![\w/])/[^\s/]*[\^$|+(\\][^\s/]*/[gimsuy]*(?!\w)"),
    _row(
        "path",
        rf"(?<![<)\]\\/]){_ALONE}(?<!{MARK})(?:~|\.\.?|[A-Za-z]:|#)?[/\\](?:{_SLASHED}++/?+|/)",
        rf"(?<![@./-]){_ALONE}@?{_FOLDER}{{2,}}(?:{WORDY}|[~*-])++(?:\.{WORDY}++)*+/?(?!@|:{LETTER})",
        rf"(?<![@./-]){_ALONE}{_FOLDER}?\.?{WORDY}(?:{WORDY}|-|\.(?={WORDY}))*\.{_EXTENSION}(?!{WORDY}|\.{WORDY})",
    ),
    _row(
        "money",
        rf"{_ALONE}[+-]?(?:{_CURRENCY}|{_CODE}) ?[+-]?{_NUMBER}(?:[kKM]|bn)?{_ENDS}",
        rf"{_ALONE}(?<!\d[.,])[+-]?{_NUMBER} ?(?:{_CURRENCY}|{_CODE}{_ENDS})",
    ),
    _row(
        "duration",
        rf"{_ALONE}(?:\d+(?:\.\d+)? ?(?:ms|min|[dhms])(?: (?=\d)|(?=\d)|{_ENDS})){{2,}}",
        rf"{_ALONE}P(?:\d+[YMWD])*T?(?:\d+(?:\.\d+)?[HMSD])+{_ENDS}",
    ),
    _row(
        "id",
        rf"\+\d[\d ()-]{{6,}}\d(?!\.\d){_ENDS}",
        rf"{_ALONE}(?<!\.)\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+)?(?!\.?\d)",
    ),
    _row(
        "version",
        rf"{_ALONE}(?<![.@:/-])(?:v\d+(?:\.\d+)*|(?!\d{{1,3}}(?:\.\d{{3}})+(?![.\d]))\d+(?:\.\d+){{2,}})"
        rf"(?:[-+]{WORDY}+(?:[.-]{WORDY}+)*)?{_ENDS}",
    ),
    _row("id", rf"(?<![^\s(\[,])-(?:-(?={LETTER}){WORDY}++(?:-{WORDY}++)*+|[A-Za-z]{_ENDS})(?!-)"),
    _row("id", r"</?[A-Za-z][^<>]*>", r"\$?\{\{? ?[^\W\d][\w.]* ?\}?\}"),
    _row(
        "id",
        rf"(?<![@./#$~&*|\\])(?<!::)(?<!{WORDY}[:+-]){_ALONE}"
        rf"(?!{WORDY}+:\d+(?::|$| -)|\A[a-z]++[A-Z]{WORDY}*+:\d)[@#$]?"
        rf"(?={_WITHIN}*?\d)(?={_WITHIN}*?{LETTER})"
        rf"(?!{_NUMBER}{_UNIT}?(?!{WORDY}|_|{_GLUE}{WORDY})){WORDY}++(?:{_GLUE}{WORDY}++)*+",
        rf"{_ALONE}{_UNGLUED}{LETTER}{WORDY}*+(?:[-$]{WORDY}++)*+(?:\.{WORDY}++(?:[-$]{WORDY}++)*+){{2,}}(?::\d++)?",
        rf"{_ALONE}{_UNGLUED}\d++(?:[#|~*]{{1,2}}\d++)++",
        unless=lambda value: value.lower() in CONSTANTS,
    ),
    _row("n", rf"{_ALONE}(?<!{LETTER}[-/])(?:(?<![\w.)\]])(?<!{MARK})[+−±-])?{_NUMBER}(?:(?={_UNIT}{_ENDS})|{_ENDS})"),
)  # fmt: skip


@lru_cache(maxsize=2_048)
def _masked(line: str) -> Masked:
    marks = Marks()
    text = line
    for row in _MASKS:
        text = row.form.sub(partial(_marked, marks, row), text)
    text = _GLUED.sub(partial(_glued, marks), " ".join(text.split()))
    masked = marks.masked(collapse(text, marks))
    if len(masked.template) <= LONGEST_TEMPLATE:
        return masked
    template = _OPEN_HOLE.sub("", masked.template[: LONGEST_TEMPLATE - 1]) + "…"
    return Masked(template, masked.holes[: template.count("⟨")])


def _marked(marks: Marks, row: _Mask, match: re.Match[str]) -> str:
    value = match.group()
    if row.unless(value):
        return value
    if row.kind != "name":
        return marks.put(row.kind, value)
    inside = value.strip("`") if value[0] == "`" else value[1:-1]
    if request := _REQUEST.fullmatch(inside):
        return f"{value[0]}{request[1]} {marks.put('path', request[2])}{value[-1]}"
    return marks.put("text" if " " in inside.strip() else "name", inside.strip())


def _glued(marks: Marks, match: re.Match[str]) -> str:
    # What is glued to a value is a part of it, and what follows an equals sign without a space is a value.
    chunk = match.group()
    if len(chunk) == 1 or not (match.string[match.start() - 1 : match.start()] == "=" or any(map(marks.pivots, chunk))):
        return chunk
    return marks.put("id", chunk)


def mask(detail: str) -> Masked:
    """The detail's template and the values of its holes, at bounded cost."""
    return _masked(normalised_line(detail))


def normalised_line(detail: str) -> str:
    """The line that stands for the detail: NFC, single white space, ``LONGEST`` characters."""
    line = telling_line(detail, LONGEST + 1)[:LONGEST]
    return " ".join(unmarked(unicodedata.normalize("NFC", line)).split())[:LONGEST]
