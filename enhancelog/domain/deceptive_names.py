"""Names that look like other names, because of invisible characters or look-alike letters."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from enhancelog.domain.badges import Badge

LOOKED_AT: Final = 512  # characters; an id has no more
_NAMED: Final = 3  # characters that one badge spells out

_INVISIBLE: Final = "invisible"
_LOOK_ALIKE: Final = "look-alike"
_SPACES: Final = "spaces"

_UNSEEN: Final = frozenset(("Cc", "Cf", "Zl", "Zp", "Zs"))  # categories
# Characters that are invisible although their category does not say so: fillers, grapheme joiners, blanks.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIATION: Final = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_JOINERS: Final = "\u200c\u200d"
_EAST_ASIAN: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_TAGS: Final = re.compile("[\U000e0020-\U000e007f]")

_VIRAMA: Final = 9  # combining class; a joiner after it chooses the shape of a conjunct
_JOINED: Final = ("ARABIC", "SYRIAC", "MONGOLIAN", "NKO")

# Letters that look Latin; a word made of them can be mistaken for a Latin one.
_LIKE_LATIN: Final = {
    "CYRILLIC": frozenset("аеіјорсухѕһԁԛԝӏАВЕІЈКМНОРСТУХЅӀԌԚԜ"),
    "GREEK": frozenset("ονρυϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ"),
    "ARMENIAN": frozenset("օոսհցզՕՍԼՏ"),
}
_NEVER_IN_A_LATIN_WORD: Final = ("CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "DESERET")
_PUNCTUATION: Final = dict.fromkeys("‐‑", "-") | dict.fromkeys("⁄∕", "/") | {"․": ".", "∶": ":", "꞉": ":", "ꓸ": "."}
_RARE: Final = {"ɑ": "a", "ɡ": "g", "ɩ": "i", "ǀ": "l", "ǃ": "!"}

_WORD: Final = re.compile(r"[^\W_]+")


def deceptions(name: str) -> tuple[Badge, ...]:
    """What a reader could miss, in words. Only the first ``LOOKED_AT`` characters are considered."""
    name = name[:LOOKED_AT]
    return () if name.isascii() and name.isprintable() and not _odd_spaces(name) else _deceptions(name)


@lru_cache(maxsize=4_096)
def _deceptions(name: str) -> tuple[Badge, ...]:
    found = (
        (_INVISIBLE, _listed(character for at, character in enumerate(name) if _is_invisible(name, at))),
        (_LOOK_ALIKE, "; ".join(_look_alikes(name))),
        (_SPACES, _odd_spaces(name)),
    )
    return tuple(Badge(label, meaning) for label, meaning in found if meaning)


def _odd_spaces(name: str) -> str:
    if name != name.strip(" "):
        return "at the beginning or the end"
    return "two in a row" if "  " in name else ""


def _listed(characters: Iterator[str]) -> str:
    different = list(dict.fromkeys(characters))
    more = f" and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
    return ", ".join(f"U+{ord(each):04X} {_words(each)}" for each in different[:_NAMED]) + more


def _words(character: str) -> str:
    return unicodedata.name(character, "control character").lower()


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


def _is_invisible(name: str, at: int) -> bool:
    character = name[at]
    if character in _JOINERS:
        return not _joins(name, at)
    before = name[at - 1] if at else ""
    if _TAGS.match(character):
        return not (before == "\U0001f3f4" or _TAGS.match(before))  # flags of regions
    if _VARIATION.match(character):
        return not _varies(before)
    if character == "\u3000":
        return not _EAST_ASIAN.search(name)  # where this space is usual
    return character in _BLANK or (character != " " and unicodedata.category(character) in _UNSEEN)


def _joins(name: str, at: int) -> bool:
    # Whether a joiner is where it belongs: between emoji, in a conjunct, or between letters that join.
    before = name[:at].rstrip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")[-1:]
    after = name[at + 1 : at + 2]
    if not before or not after:
        return False
    if name[at] == "\u200d" and unicodedata.category(before) == unicodedata.category(after) == "So":
        return True
    return unicodedata.combining(before) == _VIRAMA or (_script(before) in _JOINED and _script(after) in _JOINED)


def _varies(before: str) -> bool:
    if not before:
        return False
    is_symbol = unicodedata.category(before) in ("So", "Sk", "Sm", "Po") or before in "0123456789#*"
    return is_symbol or _script(before) in ("CJK", "MONGOLIAN", "PHAGS-PA", "MYANMAR")


def _look_alikes(name: str) -> Iterator[str]:
    scripts = [{_script(letter): letter for letter in word if letter.isalpha()} for word in _WORD.findall(name)]
    for script in _NEVER_IN_A_LATIN_WORD:
        if any(script in word and "LATIN" in word for word in scripts):
            yield f"Latin and {script.title()} letters in one word"
    if any("CYRILLIC" in word and "GREEK" in word for word in scripts):
        yield "Cyrillic and Greek letters in one word"
    for script, alike in _LIKE_LATIN.items():
        letters = {letter for letter in name if letter.isalpha() and _script(letter) == script}
        if letters and letters <= alike:
            yield f"{script.title()} letters that look like Latin ones"
    styled = [(letter, _plain(letter)) for letter in dict.fromkeys(name)]
    if meant := [f"U+{ord(letter):04X} looks like {plain}" for letter, plain in styled if plain][:_NAMED]:
        yield ", ".join(meant)
    if not unicodedata.is_normalized("NFC", name):
        yield "another spelling (NFC) looks the same"


def _plain(character: str) -> str:
    # The ASCII character that this one looks like; empty if none.
    if character.isascii():
        return ""
    if known := _PUNCTUATION.get(character) or _RARE.get(character):
        return known
    plain = unicodedata.normalize("NFKC", character)
    is_styled = unicodedata.category(character) in ("Lu", "Ll") and _script(character) != "FULLWIDTH"
    return plain if is_styled and plain.isascii() else ""
