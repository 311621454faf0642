"""Steps that look at one detail alone: normalise, mask values by their form, collapse lists."""

import re
import unicodedata
from typing import Final

from enhancelog.patterns.holes import Hole, Masked

LONGEST: Final = 2_000
"""Characters of a detail that are looked at."""

_FIRST_MARK: Final = 0xF0000
_MARK: Final = f"[{chr(_FIRST_MARK)}-{chr(_FIRST_MARK + 0xFFFD)}]"
_QUOTED: Final = (
    r"""`[^`]+`|"[^"]+"|“[^”]+”|„[^“”]+[“”]|«[^»]+»|「[^」]+」|『[^』]+』|‹[^›]+›|(?<!\w)[‘‚'][^'‘’]+['‘’](?!\w)"""
)

_MASKS: Final = (
    ("url", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s<>\"'`]+", re.IGNORECASE)),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")),
    ("name", re.compile(_QUOTED)),
    ("hex", re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b(?=[a-f]*\d)[0-9a-f]{7,}\b")),
    ("path", re.compile(r"(?<![\w/])(?:\.{0,2}/[\w.@~-]+(?:/[\w.@~-]*)*|[\w.-]+(?:/[\w.-]+){2,})")),
    ("n", re.compile(r"(?<!\w)[+-]?\d+(?:[.,  ']\d+)*")),
)
_LIST: Final = re.compile(r"(?<=: )[\w.-]+(?:, [\w.-]+)*(?=\.?$)")


def mask(detail: str) -> Masked:
    """The template of ``detail`` with what filled its holes; the same for the same detail, whatever came before."""
    text = _normalised(detail)
    values: list[Hole] = []

    def hole(kind: str, value: str) -> str:
        values.append(Hole(kind, value))
        return chr(_FIRST_MARK + len(values) - 1)

    for kind, pattern in _MASKS:
        text = pattern.sub(lambda match, kind=kind: hole(kind, match.group()), text)  # type: ignore[misc]
    text = _LIST.sub(lambda match: hole("names", match.group()), text)
    found = [_unmarked(values, ord(mark) - _FIRST_MARK) for mark in re.findall(_MARK, text)]
    template = re.sub(_MARK, lambda match: f"⟨{values[ord(match.group()) - _FIRST_MARK].kind}⟩", text)
    return Masked(template, tuple(found))


def _unmarked(values: list[Hole], number: int) -> Hole:
    kind, value = values[number]
    value = re.sub(_MARK, lambda match: _unmarked(values, ord(match.group()) - _FIRST_MARK).value, value)
    return Hole(kind, value[1:-1] if kind == "name" else value)


def _normalised(detail: str) -> str:
    beginning = detail.lstrip()[: 2 * LONGEST].replace("⟨", "‹").replace("⟩", "›")
    lines = unicodedata.normalize("NFC", re.sub(_MARK, "\ufffd", beginning)).splitlines()
    return " ".join(lines[0].split())[:LONGEST] if lines else ""
