"""The search tokenizer, the same for both databases and the highlighter."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from enhancelog.domain.errors import Invalid

# A text is NFKC-normalized, case-folded, stripped of diacritics and split at everything but letters and digits:
# "QA-Lead", "qa lead" and "ｑａ　ｌéａｄ" have the same tokens. Scripts without spaces (Han, kana, Hangul) become
# overlapping pairs of characters. The cost is linear in the text.

# Characters per token; longer words become several tokens.
LONGEST: Final = 64

# Words per phrase; a run of a script without spaces is one.
MOST_TERMS: Final = 8

# Characters per phrase.
LONGEST_PHRASE: Final = 200

# Characters required before a ``*``.
SHORTEST_BEGINNING: Final = 3

_HAN: Final = "\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_KANA: Final = "\u3041-\u3096\u3099-\u309f\u30a1-\u30ff\u31f0-\u31ff\U0001aff0-\U0001b16f"
_HANGUL: Final = "\u1100-\u11ff\ua960-\ua97c\uac00-\ud7fb"
_UNSPACED: Final = f"[{_HAN}{_KANA}{_HANGUL}]"
_SPACED: Final = f"[^\\x00-/:-`{{-\\x7f{_HAN}{_KANA}{_HANGUL}]"
_TERM: Final = re.compile(f"{_UNSPACED}+|{_SPACED}+")
_IS_UNSPACED: Final = re.compile(_UNSPACED)
_ASCII_TERM: Final = re.compile("[a-z0-9]+")
_ASCII_WORD: Final = re.compile(f"[a-z0-9]{{1,{LONGEST}}}")
# Between two texts: no word, and alone between two spaces. One byte in Latin-1, of which ASCII is the rest.
GAP: Final = "·"
_LATIN_1: Final = "latin-1"
_FOLDED: Final = bytes(
    ord(mark if mark == GAP else mark.lower() if mark.isascii() and mark.isalnum() else " ")
    for mark in map(chr, range(256))
)

_STRETCH: Final = re.compile("[\\x00-\\x7f]+|[^\\x00-\\x7f]")
_LONGEST_PIECE: Final = 32
# Combine with the character before: kana voicing marks, vowels and finals of decomposed Hangul.
_JOINS: Final = re.compile("[\u3099\u309a\u1161-\u1175\u11a8-\u11c2]")
_COMPOSED: Final = re.compile(f"[{_KANA}{_HANGUL}]+")
_VANISHES: Final = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_ZERO_WIDTH_SPACE: Final = "\u200b"


class Token(NamedTuple):
    """``end`` is exclusive."""

    text: str
    start: int
    end: int


class Phrase(NamedTuple):
    """Consecutive tokens; without any, it matches nothing. If ``is_open``, the last is a prefix."""

    tokens: tuple[str, ...]
    is_open: bool = False


def search_tokens(text: str) -> list[Token]:
    if text.isascii():  # folding keeps the length
        folded = text.lower()
        words = [Token(term[0], *term.span()) for term in _ASCII_TERM.finditer(folded)]
        if max([len(word.text) for word in words], default=0) > LONGEST:
            return [Token(folded[start:end], start, end) for start, end in _cut(folded)]
        return words
    pieces: list[str] = []
    origins: list[int] = []
    for start, source, piece in _pieces(text):
        pieces.append(piece)
        origins += range(start, start + len(source)) if source.isascii() else [start] * len(piece)
    origins.append(len(text))
    folded = "".join(pieces)
    return [
        Token(folded[start:end], origins[start], max(origins[end], origins[end - 1] + 1)) for start, end in _cut(folded)
    ]


def search_words(text: str) -> list[str]:
    folded = _folded(text)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    if _IS_UNSPACED.search(folded):
        return [folded[start:end] for start, end in _cut(folded)]
    words = _TERM.findall(folded)
    if max(map(len, words), default=0) > LONGEST:
        return [folded[start:end] for start, end in _cut(folded)]
    return words


def ascii_words(text: str) -> list[str]:
    """Of ASCII text, of any length; also each ``GAP``."""
    return text.encode(_LATIN_1).translate(_FOLDED).decode(_LATIN_1).split()


def phrase(text: str) -> Phrase:
    """A ``*`` after the last word makes it a prefix. Raises ``Invalid``."""
    if len(text) > LONGEST_PHRASE:
        raise Invalid("phrase", "length", f"has {len(text):,} characters; a phrase has at most {LONGEST_PHRASE}")
    terms = _TERM.findall(_folded(text))
    if len(terms) > MOST_TERMS:
        detail = f'has {len(terms)} words; a phrase has at most {MOST_TERMS}. Use "text" to find longer ones literally'
        raise Invalid("phrase", "terms", detail)
    if not terms:
        return Phrase(())
    words = tuple(search_words(text))
    last = terms[-1]
    if _IS_UNSPACED.match(last):
        return Phrase(words[:-1]) if len(last) > 1 else Phrase(words, is_open=True)
    is_open = text[search_tokens(text)[-1].end :].rstrip() == "*"
    if is_open and len(last) < SHORTEST_BEGINNING:
        raise Invalid("phrase", "beginning", f"needs {SHORTEST_BEGINNING} letters or digits before its *")
    return Phrase(words, is_open)


def find(words: Sequence[str], wanted: Phrase) -> Iterator[int]:
    """Where in ``words`` the phrase begins."""
    if not wanted.tokens:
        return
    *closed, last = wanted.tokens
    if not closed and not wanted.is_open:
        yield from [at for at, word in enumerate(words) if word == last]
        return
    for at in range(len(words) - len(closed)):
        end = at + len(closed)
        if (words[end].startswith(last) if wanted.is_open else words[end] == last) and words[at:end] == closed:
            yield at


def spans(text: str, phrases: Iterable[Phrase]) -> list[tuple[int, int]]:
    """Matching (start, end) ranges, ascending and merged."""
    if text.isascii():  # most texts do not even contain a first word
        folded = text.lower()
        phrases = [wanted for wanted in phrases if wanted.tokens and wanted.tokens[0] in folded]
        if not phrases:
            return []
    tokens = search_tokens(text)
    words = [token.text for token in tokens]
    found = [(at, at + len(wanted.tokens) - 1) for wanted in phrases for at in find(words, wanted)]
    joined: list[tuple[int, int]] = []
    for start, end in sorted((tokens[first].start, tokens[last].end) for first, last in found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _cut(folded: str) -> Iterator[tuple[int, int]]:
    for term in _TERM.finditer(folded):
        size, step = (2, 1) if _IS_UNSPACED.match(term[0]) else (LONGEST, LONGEST)
        for start in range(term.start(), term.end(), step):
            yield start, min(start + size, term.end())


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join([piece for _, _, piece in _pieces(text)])


def _pieces(text: str) -> Iterator[tuple[int, str, str]]:
    if text.isascii() or (unicodedata.is_normalized("NFKC", text) and not _JOINS.search(text)):
        for stretch in _STRETCH.finditer(text):
            part = stretch[0]
            yield stretch.start(), part, part.lower() if part.isascii() else _piece(part)
        return
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or end - start == _LONGEST_PIECE or not _continues(text[end]):
            yield start, text[start:end], _piece(text[start:end])
            start = end


@lru_cache(maxsize=4096)
def _continues(character: str) -> bool:
    # Whether it may combine with the characters before it.
    first = unicodedata.normalize("NFKD", character)[0]
    return bool(unicodedata.combining(first) or _JOINS.match(first))


@lru_cache(maxsize=8192)
def _piece(text: str) -> str:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(map(_kept, folded))
    # Kana and Hangul are composed again, because pairs count whole characters.
    return _COMPOSED.sub(lambda found: unicodedata.normalize("NFC", found[0]), kept)


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cf", "Me") or _VANISHES.match(character):
        return " " if character == _ZERO_WIDTH_SPACE else ""
    if category[0] == "M":
        return "" if _is_diacritic(unicodedata.combining(character)) else character
    return character if category[0] in "LN" else " "


def _is_diacritic(combining_class: int) -> bool:
    return combining_class == 1 or 10 <= combining_class <= 36 or combining_class >= 200
