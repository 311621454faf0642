"""Appends a request body in batches, after all of it was received and checked. A refused line does not affect the
others."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from enhancelog.domain.errors import TooLarge
from enhancelog.domain.records import Entry
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.writing import APPEND_PATIENCE_S, Outcome
from enhancelog.transfer.importer import next_batch
from enhancelog.transfer.items import Found, Item
from enhancelog.transfer.json_stream import Lines, Splitter, items, without_bom
from enhancelog.transfer.turns import Turns

CHUNK: Final = 65536
IN_MEMORY: Final = 256 << 10
ARRAY_MAX_BYTES: Final = 8 << 20
ATOMIC_MAX_LINES: Final = 10_000
ATOMIC_MAX_BYTES: Final = 64 << 20

# A prepared batch has several MB. Of long bodies, one batch is written while the next one is prepared, however many
# there are: more would only wait for the database, with their batches in memory. They wait for their turn, and then for
# the database, for longer than single entries do, because others like them are before them.
LONG_PATIENCE_S: Final = 30.0
_turns: Final = Turns(2, LONG_PATIENCE_S)

# Why the sender may not write this entry; ``None`` if they may
Refuse = Callable[[Entry], str | None]


class Result(msgspec.Struct):
    """Result for one line or array element, counted from 1. ``redacted``: the stored entry was, so nothing was
    compared.
    """

    line: int
    issue_id: str | None
    result: Literal["created", "identical", "redacted", "conflict", "invalid", "skipped"]
    error: str | None = None


class Stored:
    """The first ``LISTED`` ids and the total."""

    LISTED: Final = 1000

    def __init__(self) -> None:
        self.issue_ids: list[str | None] = []
        self.count = 0

    def add(self, results: Iterable[Result]) -> None:
        created = [result.issue_id for result in results if result.result == "created"]
        self.issue_ids += created[: self.LISTED - len(self.issue_ids)]
        self.count += len(created)


@dataclass(frozen=True)
class Limits:
    max_bytes: int
    max_lines: int
    max_line_bytes: int


def spool(chunks: Iterable[bytes], folder: Path) -> IO[bytes]:
    """Above ``IN_MEMORY`` bytes, an unnamed file in ``folder``. Raises ``OSError``."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder))  # noqa: SIM115  the caller closes it
    try:
        file.writelines(chunks)
        file.seek(0)  # which writes out what is buffered
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    return file


def measured(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """Raises ``TooLarge``. Blank lines are not counted."""
    cut = Lines()
    size = count = line_size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limits.max_bytes:
            raise TooLarge("", size, limits.max_bytes)
        for part, begins in cut.parts(chunk):
            count += begins
            line_size = len(part) if begins else line_size + len(part)
            if line_size > limits.max_line_bytes:
                raise TooLarge(f"line {cut.number}", line_size, limits.max_line_bytes)
        if count > limits.max_lines:
            raise TooLarge("", count, limits.max_lines, "lines")
        yield chunk


def append(
    store: DatabaseEnhanceLogStore, body: IO[bytes], split: Splitter, max_entry_bytes: int, refuse: Refuse
) -> Iterator[list[Result]]:
    """One transaction per batch. Raises ``Other``; committed batches stay."""
    found = items(without_bom(_chunks(body)), split, max_entry_bytes)
    is_long = _is_long(body)
    while results := _append_next(store, found, refuse, is_long=is_long):
        yield results


def append_all(
    store: DatabaseEnhanceLogStore, body: IO[bytes], split: Splitter, max_entry_bytes: int, refuse: Refuse
) -> tuple[bool, list[Result]]:
    """One transaction. ``False`` if a refused line prevented it."""
    is_long = _is_long(body)
    with _turn(is_long=is_long):
        batch = list(items(without_bom(_chunks(body)), split, max_entry_bytes))
        results = _append_batch(store, batch, refuse, whole=True, is_long=is_long)
    return all(result.result in ("created", "identical", "redacted") for result in results), results


# A function, and not part of the generator, which would keep the batch while it waits for the next turn.
def _append_next(
    store: DatabaseEnhanceLogStore, found: Iterator[Item], refuse: Refuse, *, is_long: bool
) -> list[Result]:
    with _turn(is_long=is_long):
        batch = next_batch(found)
        return _append_batch(store, batch, refuse, whole=False, is_long=is_long)


def _turn(*, is_long: bool) -> AbstractContextManager[None]:
    return _turns.turn() if is_long else nullcontext()


def _append_batch(
    store: DatabaseEnhanceLogStore, batch: list[Item], refuse: Refuse, *, whole: bool, is_long: bool
) -> list[Result]:
    refusals = [_refusal(item, refuse) for item in batch]
    judged = list(zip(batch, refusals, strict=True))
    entries = [item.entry for item, refusal in judged if isinstance(item, Found) and not refusal]
    if whole and any(refusals):
        outcomes = iter([Outcome("skipped", "")] * len(entries))
    else:
        patience_s = LONG_PATIENCE_S if is_long else APPEND_PATIENCE_S
        outcomes = iter(store.append_batch(entries, whole=whole, patience_s=patience_s) if entries else [])
    return [refusal or _result(item, next(outcomes)) for item, refusal in judged]


def _refusal(item: Item, refuse: Refuse) -> Result | None:
    if isinstance(item, Found):
        error = refuse(item.entry)
        return Result(_number(item), item.entry.issue_id, "invalid", error) if error else None
    return Result(_number(item), None, "invalid", str(item.reason))


def _result(item: Item, outcome: Outcome) -> Result:
    error = None
    if outcome.result == "conflict":
        error = f"the stored entry differs in {', '.join(outcome.differs)}"
    elif outcome.result == "skipped":
        error = "not written because another line was refused"
    return Result(_number(item), item.entry.issue_id if isinstance(item, Found) else None, outcome.result, error)


def _number(item: Item) -> int:
    # ``where`` is "line 7" or "entry 7".
    return int(item.where.rpartition(" ")[2])


def _is_long(body: IO[bytes]) -> bool:
    body.seek(0, os.SEEK_END)
    size = body.tell()
    body.seek(0)
    return size > IN_MEMORY


def _chunks(body: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: body.read(CHUNK), b"")
