"""What joined templates have in common, and what fills it."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from enhancelog.patterns.holes import Hole, Masked
from enhancelog.patterns.tokens import HOLE, tokens


def common(templates: Sequence[str]) -> str:
    """The first template with a hole wherever another differs from it."""
    first, *others = templates
    for other in others:
        first = _generalised(first, other)
    return first


def _generalised(first: str, second: str) -> str:
    if first == second:
        return first
    ours, theirs = tokens(first), tokens(second)
    keys = [token.key for token in ours], [token.key for token in theirs]
    if len(ours) == len(theirs):
        blocks = [(place, place) for place in range(len(ours)) if keys[0][place] == keys[1][place]]
    else:
        matcher = SequenceMatcher(None, *keys, autojunk=False)
        blocks = [(a + n, b + n) for a, b, size in matcher.get_matching_blocks() for n in range(size)]
    pieces: list[str] = []
    at = 0
    last = (-1, -1)
    for block in [*blocks, (len(ours), len(theirs))]:
        gap = range(last[0] + 1, block[0]), range(last[1] + 1, block[1])
        if len(gap[0]) or len(gap[1]):
            start = (
                ours[gap[0][0]].start if len(gap[0]) else (ours[block[0]].start if block[0] < len(ours) else len(first))
            )
            end = ours[gap[0][-1]].end if len(gap[0]) else start
            pieces += [first[at:start], "⟨word⟩" if max(len(gap[0]), len(gap[1])) == 1 else "⟨words⟩"]
            at = end
        if block[0] < len(ours):
            one, other = (
                first[ours[block[0]].start : ours[block[0]].end],
                second[theirs[block[1]].start : theirs[block[1]].end],
            )
            if one != other and one[0] == "⟨" and ours[block[0]].key == HOLE:
                pieces += [first[at : ours[block[0]].start], _wider(one, other)]
                at = ours[block[0]].end
        last = block
    return "".join(pieces) + first[at:]


def _wider(one: str, other: str) -> str:
    kinds = {one, other}
    for wide in ("⟨names⟩", "⟨words⟩", "⟨word⟩", "⟨text⟩", "⟨id⟩"):
        if wide in kinds:
            return wide
    return one


def fill(template_of_group: str, masked: Masked) -> list[Hole]:
    """One for every hole of ``template_of_group``, in order."""
    own = iter(masked.holes)
    found = []
    for shown, said in zip(template_of_group.split(" "), masked.template.split(" "), strict=False):
        holes = [next(own) for _ in re.findall("⟨", said)]
        if "⟨" in shown:
            found += holes or [Hole("word", said)]
    return found
