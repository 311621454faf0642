"""What fills the holes of a joined template."""

import re

from enhancelog.patterns.holes import Hole, Masked


def fill(template_of_group: str, masked: Masked) -> list[Hole]:
    """One for every hole of ``template_of_group``, in order."""
    own = iter(masked.holes)
    found = []
    for shown, said in zip(template_of_group.split(" "), masked.template.split(" "), strict=False):
        holes = [next(own) for _ in re.findall("⟨", said)]
        if "⟨" in shown:
            found += holes or [Hole("word", said)]
    return found
