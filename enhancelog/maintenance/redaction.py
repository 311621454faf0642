"""A redaction as people ask for it: what goes, where it stays, and the files of the database."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from enhancelog.backends import dialect, faults
from enhancelog.domain.origin import Origin
from enhancelog.store import host_derivation, pattern_groups


class Redacting(NamedTuple):
    done: Sequence[str]  # what was redacted before
    planned: str  # what goes; empty if nothing is left to go
    carry_out: Callable[[str, Origin], str]  # says what it did
    elsewhere: Callable[[], Sequence[str]]  # other places that have the same text
    unsearched: Sequence[str]  # what was not looked for there
    copies: Callable[[Path], Sequence[str]]
    tables: Sequence[str]  # that may have held the text


def erase(tables: Sequence[str], say: Callable[[str], object]) -> bool:
    """Derive to the end, and free what no row has any more. False: a reader kept it from its end. Raises ``Other``."""
    pattern_groups.settle()
    host_derivation.settle()
    with faults():
        return dialect().erase(tables, say)
