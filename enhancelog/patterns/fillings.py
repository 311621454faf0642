"""Which words of a template may be a value, and how likely."""

from collections import Counter
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from enhancelog.patterns.tokenizer import COMMAS, HOLE, Key, is_han, is_word, may_vary
from enhancelog.patterns.words import BEFORE_NAMES, CLASSES, is_identifier, is_noun, is_said

_MOST_SINGLE: Final = 24
_MOST_WORDS: Final = 4
# A longer run of words that are unknown in messages is in a language that we do not know
_LONGEST_RUN: Final = 8
_FEWEST_BEFORE_COLON: Final = 3
_IN_TITLES: Final = frozenset({"of", "and", "to", "for", "in", "the", "&", "de", "la"})


_KEPT_AFTER: Final = frozenset("\"'`")


class Weight(IntEnum):
    FIXED = -2  # never a value: grammar, punctuation, holes
    TEXT = -1  # all that follows a colon
    VERDICT = 0  # a word that says what is wrong
    NOUN = 1  # a word that messages are about
    RUN = 2  # a run of words that are unknown in messages
    PLAIN = 3
    VALUE = 4  # a value by its form


class Filling(NamedTuple):
    """Words ``at`` to ``until`` of a key that may fill a hole."""

    at: int
    until: int
    words: Key
    weight: Weight


def is_value(words: Key) -> bool:
    return len(words) == 1 and _weight(words[0]) == Weight.VALUE


def fillings(key: Key) -> list[Filling]:
    weights = _weights(key)
    single = [
        Filling(at, at + 1, key[at : at + 1], weight) for at, weight in enumerate(weights) if weight > Weight.TEXT
    ]
    return [*single[:_MOST_SINGLE], *_names(key, weights), *_titles(key), *_lists(key, weights), *_texts(key)]


def signature(key: Key) -> Key:
    """With one hole for each run of values by their form, and for unknown words that occur twice."""
    shared: list[str] = []
    seen = Counter(key)
    for word, weight in zip(key, _weights(key), strict=True):
        is_value = weight == Weight.VALUE and shared and _is_code(word)
        if word == HOLE or is_value or (weight == Weight.PLAIN and seen[word] > 1):
            word = HOLE
            while len(shared) > 1 and shared[-1] in COMMAS and shared[-2] == HOLE:
                shared.pop()
        if word != HOLE or shared[-1:] != [HOLE]:
            shared.append(word)
    return tuple(shared)


def _is_code(word: str) -> bool:
    # Not "read-only" or "f-string", which may be words of the message
    letters = word.replace("-", "")
    return not letters.isalpha() or not (letters[1:].islower() or letters.isupper())


def first_sentence(key: Key) -> Key:
    """Without the advice that follows it."""
    end = key.index(".") if "." in key else len(key)
    is_whole = key[:end].count("(") == key[:end].count(")")
    return key[:end] if is_whole and end + 1 < len(key) and key[end + 1][0].isupper() else key


@lru_cache(maxsize=16)
def _weights(key: Key) -> list[Weight]:
    return [_weight(word) if _may_start(key, at) else Weight.FIXED for at, word in enumerate(key)]


def _may_start(key: Key, at: int) -> bool:
    # Han after kana or a hole continues what came before. A word that masking left within quotes was kept on purpose.
    if at and key[at - 1] in _KEPT_AFTER:
        return False
    return not is_han(key[at]) or at == 0 or (is_word(key[at - 1]) and may_vary(key[at - 1]))


@lru_cache(maxsize=8_192)
def _weight(word: str) -> Weight:
    if not may_vary(word):
        return Weight.FIXED
    if is_identifier(word):
        return Weight.VALUE if word in CLASSES or _is_code(word) else Weight.PLAIN
    if is_said(word):
        return Weight.NOUN if is_noun(word) else Weight.VERDICT
    return Weight.PLAIN


def _names(key: Key, weights: list[Weight]) -> Iterator[Filling]:
    end = 0
    while end < len(key):
        at = end
        while end < len(key) and weights[end] >= Weight.PLAIN:
            end += 1
        if end - at <= _LONGEST_RUN:
            for start in range(at, end - 1):
                for until in range(start + 2, min(start + _MOST_WORDS, end) + 1):
                    yield Filling(start, until, key[start:until], Weight.RUN)
        end = max(end, at + 1)


def _titles(key: Key) -> Iterator[Filling]:
    for at, word in enumerate(key):
        if not _is_capital(word):
            continue
        for until in range(at + 2, min(at + _MOST_WORDS, len(key)) + 1):
            last = key[until - 1]
            if _is_capital(last) and _weight(last) != Weight.VERDICT:
                words = key[at:until]
                yield Filling(at, until, words, Weight.PLAIN)
            elif last not in _IN_TITLES:
                break


def _is_capital(word: str) -> bool:
    return word[0].isupper() and word.lower() not in BEFORE_NAMES


def _lists(key: Key, weights: list[Weight]) -> Iterator[Filling]:
    end = 0
    for at in range(len(key)):
        if at < end:
            continue
        items, end = 0, at
        while end < len(key) and (key[end] == HOLE or weights[end] >= Weight.NOUN):
            items, comma = items + 1, end + 1
            while comma < len(key) and key[comma] in COMMAS:
                comma += 1
            if comma == end + 1:
                end = comma
                break
            end = comma
        else:
            continue
        if items > 1:
            yield Filling(at, end, key[at:end], Weight.PLAIN)


def _texts(key: Key) -> Iterator[Filling]:
    at = key.index(":") + 1 if ":" in key else len(key)
    if len(key) - at > 1 and sum(map(is_word, key[:at])) >= _FEWEST_BEFORE_COLON:
        yield Filling(at, len(key), key[at:], Weight.TEXT)
