"""Lists as one hole: ``a, b and c``, ``a -> b``, ``['a', 'b']``, and a lone name after a colon."""

# A comma alone makes no list: "2 tokens, budget is 1". After a colon or in brackets any word may be an item; elsewhere
# only values, or three words and more with a last "and".

import re
from typing import Final

from enhancelog.patterns.marks import MARK, UNSPACED, WORDY, Marks
from enhancelog.patterns.words import is_grammar, is_identifier, is_verdict

_WORD: Final = rf"(?:[@#$]?{WORDY}++(?:[-_./:@#+'’]{WORDY}++)*+|[{UNSPACED}]++)"
_ITEM: Final = rf"(?:{MARK}(?!{WORDY})|{_WORD})"
_AND: Final = r"(?:and|or|und|oder|et|ou|y|e|o|u|и|или|&|および|または|及び|或|及|및|또는|와|과)"
_BETWEEN: Final = (
    rf"(?> ?[,;、；،] ?(?:{_AND} )?| {_AND} | ?(?:->|→|=>|⇒|⟶|<-|←|➜) ?| ?\| ?"
    rf"|(?<={MARK}) ?(?:と|や|和|或|및|와|과) ?(?={MARK}))"
)
_MORE: Final = (
    rf"(?>(?: ?,)? (?:{_AND} )?\+?{MARK} (?:more|others?|weitere|andere|autres?|más|otros?|ещё|еще)"
    r"|(?: ?[,、])? ?(?:…|\.\.\.|など|等)){0,2}+"
)
_NOTE: Final = rf"(?> ?\({MARK}[^(),]{{0,12}}\)| ?[=:×] ?{MARK}| {MARK})?+"
_NOTED: Final = rf"{_ITEM}{_NOTE}"

_AFTER_COLON: Final = re.compile(rf"(?:(?<!::)(?<=[:：])|(?<=[ =]=)) ?({_NOTED}(?:{_BETWEEN}{_NOTED})*+{_MORE})")
# The end of such a list, matched separately: text that is not a list is then skipped once, as a whole.
_ITS_END: Final = re.compile(r" ?(?:[.!。]?$|[;；(（]|\. )")
_INSIDE: Final = re.compile(
    rf"[\[{{(（] ?({_ITEM}(?:{_BETWEEN}{_ITEM})*+{_MORE}),? ?[\]}})）]|\[ ?\]|\{{ ?\}}"
    r"|(?<= )\( ?\)"
)
_ANYWHERE: Final = re.compile(rf"(?<!{WORDY})(?<!{MARK}){_ITEM}(?:(?:{_BETWEEN}{_ITEM})++{_MORE})?+")
_TAIL: Final = re.compile(r"(?<=[:：]) ?([^:：]+?)(?=[.!。]?$)")
_MARK: Final = re.compile(MARK)
_HAS_AND: Final = re.compile(_AND)
_SEPARATED: Final = re.compile(f"({_BETWEEN})")
_ARROW: Final = re.compile("[-=]>|[→⇒⟶➜←]|<-")
_NUMBERS: Final = frozenset({"n", "numbers", "duration", "money"})
_MOST_WORDS: Final = 4
# Single words between commas that are a list whatever they are
_MANY: Final = 4
# Letters of a language's code, which may look like a word of a message: "de", "is", "no"
_CODE: Final = 2


def collapse(text: str, marks: Marks) -> str:
    """``text`` with marks for its lists. Its values are marks already."""

    def after_colon(match: re.Match[str]) -> str:
        if not _ITS_END.match(match.string, match.end()) or not _may_follow_colon(match[1]):
            return match[0]
        return _spaced(match, _hole(match[1], marks))

    def inside(match: re.Match[str]) -> str:
        return _bracketed(match[0], match[1], marks)

    def anywhere(match: re.Match[str]) -> str:
        return _runs(match[0], marks, match.string[match.end() : match.end() + 1] in (":", "="))

    def tail(match: re.Match[str]) -> str:
        return _spaced(match, _hole(match[1], marks)) if _are_titles(match[1]) else match[0]

    for form, collapsed in ((_AFTER_COLON, after_colon), (_INSIDE, inside), (_TAIL, tail), (_ANYWHERE, anywhere)):
        text = form.sub(collapsed, text)
    return text


def _spaced(match: re.Match[str], value: str) -> str:
    return match[0][: match.start(1) - match.start()] + value


def _bracketed(text: str, inside: str | None, marks: Marks) -> str:
    # Square and curly brackets belong to the list; parentheses do not.
    if inside is None:
        return f"({marks.put('names', '')})" if text[0] == "(" else marks.put("names", text)
    items = _items(inside)
    if text[0] in "[{":
        return text if len(items) == 1 and is_verdict(items[0]) else marks.put(_kind(items, marks), text)
    return f"{text[0]}{_hole(inside, marks)}{text[-1]}" if len(items) > 1 or text[-2] == "," else text


def _items(text: str) -> list[str]:
    return _SEPARATED.split(text)[::2]


def _is_mark(item: str) -> bool:
    return bool(_MARK.fullmatch(item))


def _is_fixed(item: str) -> bool:
    return _is_mark(item) or is_verdict(item)


def _hole(text: str, marks: Marks) -> str:
    items = _items(text)
    if len(items) == 1 and _is_mark(items[0]):
        return text
    return marks.put(_kind(items, marks), text)


def _kind(items: list[str], marks: Marks) -> str:
    kinds = {marks.kind(item) if _is_mark(item) else "" for item in items}
    return "numbers" if kinds <= _NUMBERS else "names"


def _may_follow_colon(text: str) -> bool:
    items = _items(text)
    return len(items) > 1 or not is_verdict(items[0]) or (len(text) == _CODE and text not in ("no", "ok"))


def _are_titles(text: str) -> bool:
    items = [item.split(" ") for item in _items(text)]
    if any(len(words) > _MOST_WORDS for words in items):
        return False
    if len(items) == 1:
        return len(items[0]) > 1 and _is_title(items[0])
    return all(len(words) == 1 or _is_title(words) or not any(map(_is_fixed, words)) for words in items)


def _is_title(words: list[str]) -> bool:
    if not all(words) or not (words[0][0].isupper() and words[-1][0].isupper()):
        return False
    return all(not is_verdict(word) if word[0].isupper() else is_grammar(word) for word in words[1:])


def _runs(text: str, marks: Marks, is_key_last: bool) -> str:
    pieces = _SEPARATED.split(text)
    items = pieces[::2]
    if any(_ARROW.search(between) for between in pieces[1::2]):
        return _hole(text, marks)
    if len(items) > 2 and _HAS_AND.search(pieces[-2]) and not any(map(is_verdict, items)):
        return _hole(text, marks)
    if len(items) >= _MANY and all("," in between for between in pieces[1:-2:2]) and not is_key_last:
        return _hole(text, marks)
    done: list[str] = []
    run: list[str] = []
    for nth, (item, between) in enumerate(zip(items, [*pieces[1::2], ""], strict=True), 1):
        is_key = is_key_last and nth == len(items)
        if _is_value(item, marks) and not is_key and (not run or _alike(run[0], item, marks)):
            run += [item, between]
            continue
        done += [_closed(run, marks), item, between]
        run = []
    return "".join((*done, _closed(run, marks)))


def _closed(run: list[str], marks: Marks) -> str:
    if len(run) < 4:
        return "".join(run)
    return _hole("".join(run[:-1]), marks) + run[-1]


def _is_value(item: str, marks: Marks) -> bool:
    return _is_mark(item) or is_identifier(item)


def _alike(first: str, second: str, marks: Marks) -> bool:
    return _is_number(first, marks) == _is_number(second, marks)


def _is_number(item: str, marks: Marks) -> bool:
    return _is_mark(item) and marks.kind(item) in _NUMBERS
