"""Imports entries, one transaction per batch. It is safe to interrupt and to repeat."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.store import host_derivation, pattern_groups
from enhancelog.store.database import DatabaseEnhanceLogStore, analyze, last_position
from enhancelog.store.writing import ENTRIES_PER_TRANSACTION
from enhancelog.transfer.items import Found, Item, Refused

BATCH_BYTES: Final = 8 << 20
# Storing a verdict takes as long as storing this many bytes, however short it is; other appends wait meanwhile.
VERDICT_WEIGHT: Final = 400
# The planner's statistics are made anew when at least one entry in so many is new
ANALYZE_SHARE: Final = 10


@dataclass
class Counts:
    """``same``: already stored and identical. ``conflict``: the id is stored with different content. ``redacted``: the
    stored entry was redacted, so nothing was compared.
    """

    read: int = 0
    added: int = 0
    same: int = 0
    conflict: int = 0
    redacted: int = 0
    quarantined: int = 0
    dropped: int = 0  # fields of entries that were added or the same

    @property
    def findings(self) -> int:
        return self.conflict + self.quarantined + self.dropped

    def __str__(self) -> str:
        return (
            f"read {self.read:,}, added {self.added:,}, same {self.same:,}, "
            f"conflict {self.conflict:,}, quarantined {self.quarantined:,}"
            + (f", redacted {self.redacted:,}" if self.redacted else "")
            + (f", fields dropped {self.dropped:,}" if self.dropped else "")
        )


class Conflicting(NamedTuple):
    where: str
    entry: records.Entry  # without texts that the stored one no longer has
    differs: tuple[str, ...]


class Dropped(NamedTuple):
    where: str
    entry: records.Entry  # without the field
    reason: Invalid
    raw: str


Finding = Refused | Conflicting | Dropped


def import_entries(
    items: Iterable[Item],
    origin: Origin,
    *,
    counts: Counts | None = None,
    on_finding: Callable[[Finding], None] = lambda finding: None,
    on_added: Callable[[records.Entry], None] = lambda entry: None,
    on_batch: Callable[[Counts], None] = lambda counts: None,
) -> Counts:
    """``counts`` is updated after each commit. Raises ``Other``; committed batches stay."""
    counts = Counts() if counts is None else counts
    store = DatabaseEnhanceLogStore(origin)
    for batch in batches(items):
        _import_batch(store, batch, counts, on_finding, on_added)
        on_batch(counts)
    if counts.added and counts.added * ANALYZE_SHARE >= last_position():
        analyze()
    if counts.added:
        pattern_groups.settle()
        host_derivation.settle()
    return counts


# Of ``ENTRIES_PER_TRANSACTION`` entries or about ``BATCH_BYTES``; each is one transaction.
def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := next_batch(rest):
        yield batch


def next_batch(items: Iterator[Item]) -> list[Item]:
    """Empty at the end."""
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += _weight(item)
        if len(batch) == ENTRIES_PER_TRANSACTION or size >= BATCH_BYTES:
            break
    return batch


def _weight(item: Item) -> int:
    if isinstance(item, Refused):
        return len(item.raw)
    return max(len(records.encode(item.entry)), VERDICT_WEIGHT * len(item.entry.verdicts))


def _import_batch(
    store: DatabaseEnhanceLogStore,
    batch: list[Item],
    counts: Counts,
    on_finding: Callable[[Finding], None],
    on_added: Callable[[records.Entry], None],
) -> None:
    found = [item for item in batch if isinstance(item, Found)]
    outcomes = iter(store.append_batch([item.entry for item in found]) if found else [])
    counts.read += len(batch)
    for item in batch:
        if isinstance(item, Refused):
            counts.quarantined += 1
            on_finding(item)
            continue
        outcome = next(outcomes)
        if outcome.result == "redacted":
            counts.redacted += 1  # no finding, which would write down what was taken out
            continue
        for reason in item.dropped:
            counts.dropped += 1
            on_finding(Dropped(item.where, item.entry, reason, item.raw))
        if outcome.result == "created":
            counts.added += 1
            on_added(item.entry)
        elif outcome.result == "identical":
            counts.same += 1
        else:
            counts.conflict += 1
            on_finding(Conflicting(item.where, outcome.shown or item.entry, outcome.differs))
