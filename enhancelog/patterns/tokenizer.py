"""Splits templates into words, and says which words are equal."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from enhancelog.patterns.marks import WORDY
from enhancelog.patterns.words import LANGUAGES, is_grammar, is_identifier, stem

HOLE: Final = "⟨⟩"  # the key of any hole
QUOTED: Final = frozenset({"name", "text"})
COUNTED: Final = frozenset({"n", "numbers", "money", "duration"})

# What stands between the items of a list, as keys
COMMAS: Final = frozenset({",", "、", "and", "or", "und", "oder", "et", "y", "и", "&"})

_UNITS: Final = {
    unit: f"⟨{kind}⟩"  # the nameless kind is a plain number
    for kind, units in (
        ("%", "% ％ percent prozent pourcent pct"),
        (
            "time",
            """
            ns µs us ms s sec secs second seconds min mins minute minutes m h hr hrs hour hours d day days w week weeks
            month months year years sekunde sekunden minuten stunde stunden tag tage tagen seconde secondes heure heures
            jour jours segundo segundos minutos hora horas día días секунд секунды минут минуты час часа часов день дня
            дней 秒 分 時間 日 小时 分钟 天 초 분 시간 일
            """,
        ),
        ("size", "b kb mb gb tb kib mib gib tib byte bytes"),
        ("", "st nd rd th k er x"),
    )
    for unit in units.split()
}  # fmt: skip
_TOKEN: Final = re.compile(
    rf"⟨\w+⟩|[ldjmtsncLDJMTSNC]['’](?={WORDY}|⟨)|qu['’](?={WORDY}|⟨)|[@#$]?{WORDY}++(?:[-./:@#+'’&]++{WORDY}++)*+"
    "|[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f]+|[\u3041-\u309f]+|[\u3400-\u9fff\uf900-\ufaff々]+"
    "|[\uac00-\ud7af]+|\\S"
)
_OF_KIND: Final = {"⟨duration⟩": "⟨time⟩", "⟨size⟩": "⟨size⟩", "⟨money⟩": "⟨money⟩"}
_PUNCTUATION: Final = str.maketrans("，、：；（）！？。％", ",,:;()!?.%")
_HIRAGANA: Final = re.compile("[\u3041-\u309f]")
_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff々]")


Key = tuple[str, ...]  # the keys of a template's tokens


class Token(NamedTuple):
    """A hole, word or punctuation mark. ``key`` ignores number, gender and value."""

    start: int
    end: int
    key: str


@lru_cache(maxsize=4_096)
def tokens(template: str) -> tuple[Token, ...]:
    found: list[Token] = []
    number = False
    for match in _TOKEN.finditer(template):
        text = match.group()
        if number and text.lower() in _UNITS:
            found[-1] = Token(found[-1].start, match.end(), _UNITS[text.lower()])
        else:
            found.append(Token(match.start(), match.end(), _key(text)))
        number = text == "⟨n⟩"
    return tuple(found)


def _key(text: str) -> str:
    if text[0] == "⟨":
        return _OF_KIND.get(text, HOLE)
    if not is_word(text):
        return text.translate(_PUNCTUATION)
    return text if is_identifier(text) else stem(text)


def is_hole(key: str) -> bool:
    """With its unit or without."""
    return key[0] == "⟨"


def is_word(key: str) -> bool:
    return key[0].isalnum() or (key[0] in "_@#$" and len(key) > 1)


def may_vary(key: str) -> bool:
    """Hiragana is grammar."""
    first = key.lstrip("@#$_")[:1]
    return first.isalpha() and (key in LANGUAGES or not is_grammar(key)) and not _HIRAGANA.match(key)


def is_han(key: str) -> bool:
    """Written without a space to the next."""
    return bool(_HAN.match(key))
