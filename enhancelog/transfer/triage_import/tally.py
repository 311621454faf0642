from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from enhancelog.domain.triage_files import TriageCounts, TriageKind, TriageSkipped

AT_ONCE: Final = 500  # rows or values of a statement
MOST_SHOWN: Final = 100

_Item = TypeVar("_Item")


class Tally:
    """Counts what became of the items of a kind."""

    def __init__(self, kind: TriageKind) -> None:
        self._kind = kind
        self._numbers = {"made": 0, "changed": 0, "unchanged": 0, "skipped": 0}
        self.skipped: list[TriageSkipped] = []

    def made(self) -> None:
        self._numbers["made"] += 1

    def changed(self) -> None:
        self._numbers["changed"] += 1

    def unchanged(self) -> None:
        self._numbers["unchanged"] += 1

    def skip(self, index: int, why: str) -> None:
        self._numbers["skipped"] += 1
        if len(self.skipped) < MOST_SHOWN:
            self.skipped.append(TriageSkipped(f"{self._kind}[{index}]", why))

    @property
    def counts(self) -> TriageCounts:
        return TriageCounts(**self._numbers)


def chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
