"""The words of a denial that say what it is about."""

import re
from typing import Final

from enhancelog.domain.search_words import search_words

LONGEST: Final = 2_000  # characters of a detail that are looked at
MOST: Final = 64  # distinct beginnings that are kept

# "citation" and "citing" share the short beginning, "citation" and "citations" the long one, too, and so count as more
# alike. No rules of one language's endings, and no list of exceptions.
SHORT: Final = 4
LONG: Final = 6

# English grammar, which is frequent in any text. That of other languages loses its weight by being frequent in an axis.
_GRAMMAR_WORDS: Final = """
a about after again all also although always an and any anybody anything are as at be because become becomes been
before being below between both but by can cannot could did do does doing done don down due during each either else
enough even ever every everything for from further get gets give given gives had has have having he hence here how
however i if in instead into is isn it its itself just less let may me might more most much must my neither never no
nobody none nor not nothing now of off on once one only or other others otherwise our out over own per quite rather
really s same shall she should since so some somebody something still such t than that the their them then there
therefore these they this those though through thus to too under unless until up upon us very was we well were what
when where whether which while who whose why will with within without would yet you your
"""
_GRAMMAR: Final = frozenset(_GRAMMAR_WORDS.split())
_QUOTED: Final = re.compile(r'`[^`]{1,200}+`|"[^"]{1,200}+"|“[^“”]{1,200}+”|„[^„“”]{1,200}+[“”]|«[^«»]{1,200}+»')
_VALUE: Final = re.compile(r"[\d/\\@_<>{}=]")


def content_words(detail: str) -> dict[str, str]:
    """By beginning, the first word that has it, without quotations, values and grammar."""
    text = _QUOTED.sub(" ", detail[:LONGEST])
    found: dict[str, str] = {}
    for word in search_words(" ".join(word for word in text.split() if not _VALUE.search(word))):
        if word in _GRAMMAR:
            continue
        if len(found) >= MOST:
            break
        found.setdefault(word[:SHORT], word)
        found.setdefault(word[:LONG], word)
    return found
