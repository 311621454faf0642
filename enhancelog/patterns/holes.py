"""Templates as text with holes ``⟨kind⟩``."""

import re
from typing import Final, NamedTuple

# What makes a hole, by its kind: the words a page shows
KINDS: Final = {
    "name": "quoted in the text",
    "text": "words quoted in the text",
    "names": "a list",
    "n": "a number",
    "numbers": "a list of numbers",
    "url": "a web address",
    "email": "an e-mail address",
    "path": "a path",
    "hex": "a hash or uuid",
    "date": "a date or time",
    "version": "a version",
    "money": "an amount of money",
    "duration": "a duration",
    "size": "a size",
    "id": "an identifier",
    "word": "a word that varies",
    "words": "words that vary",
}

HOLES: Final = re.compile(f"⟨({'|'.join(KINDS)})⟩")


class Hole(NamedTuple):
    """``kind`` is a key of ``KINDS``; ``value`` has no quotes."""

    kind: str
    value: str


class Masked(NamedTuple):
    """A detail's telling line with holes, and what filled them in order."""

    template: str
    holes: tuple[Hole, ...]


class Part(NamedTuple):
    """Plain ``text``, or a ``hole`` that ``rule`` explains."""

    text: str
    hole: str
    rule: str


def parts(template: str) -> list[Part]:
    """The template in pieces, in order."""
    pieces = HOLES.split(template)
    found = []
    for place, piece in enumerate(pieces):
        if place % 2:
            found.append(Part("", piece, KINDS[piece]))
        elif piece:
            found.append(Part(piece, "", ""))
    return found
