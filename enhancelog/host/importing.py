"""Imports what a host's stores say, a short transaction per batch. It is safe to interrupt and to repeat."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, Protocol

from enhancelog.domain.observed import Answer, Document, Issue, Patch, Settings, Version
from enhancelog.host.git_versions import open_git
from enhancelog.host.host_settings import HostSettings
from enhancelog.host.issues import Issues
from enhancelog.host.outputs import Outputs
from enhancelog.host.recognition import Kind, Store
from enhancelog.store import observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import BATCH_RECORDS, Found, Kept
from enhancelog.transfer.items import Refused, Unreadable

BATCH_BYTES: Final = 8 << 20

# The order in which stores are imported. Whatever it is, the same follows in the end.
KINDS: Final[tuple[Kind, ...]] = ("log", "issues", "settings", "git", "outputs")

Record = Patch | Answer | Document | Version | Issue | Settings
Item = Record | Refused


class Reader(Protocol):
    """``done`` counts ``unit``; ``total`` is ``None`` if unknown."""

    unit: str

    @property
    def total(self) -> int | None: ...

    @property
    def done(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


def open_store(store: Store) -> AbstractContextManager[Reader]:
    """Of a store other than the log. Raises ``Unreadable``."""
    if store.kind == "git":
        return open_git(store.path)
    readers: dict[Kind, Callable[[Path], Reader]] = {"outputs": Outputs, "issues": Issues, "settings": HostSettings}
    if not store.path.is_file():
        raise Unreadable(f"{store.path}: is not a file")
    return nullcontext(readers[store.kind](store.path))


def keep(
    items: Iterable[Item],
    source: str,
    *,
    on_finding: Callable[[Refused], None] = lambda finding: None,
    on_batch: Callable[[Kept], None] = lambda kept: None,
) -> Kept:
    """``on_batch`` gets the sum after each commit. Raises ``Other`` or ``Unreadable``; committed batches stay."""
    kept = Kept()
    for found in _batches(items, on_finding):
        kept.add(observed.keep(source, found))
        on_batch(kept)
    return kept


def _batches(items: Iterable[Item], on_finding: Callable[[Refused], None]) -> Iterator[Found]:
    found, number, size = Found(), 0, 0
    blueprint_id = ""  # readers yield a document after the patch or version that it belongs to
    for item in items:
        if isinstance(item, Refused):
            on_finding(item)
            blueprint_id = ""
            continue
        if isinstance(item, Patch | Version):
            blueprint_id = item.blueprint_id
        _add(found, item, blueprint_id)
        number += 1
        size += _weight(item)
        if number == BATCH_RECORDS or size >= BATCH_BYTES:
            yield found
            found, number, size = Found(), 0, 0
    if number:
        yield found


def _add(found: Found, item: Record, blueprint_id: str) -> None:
    match item:
        case Patch():
            found.patches.append(item)
        case Answer():
            found.answers.append(item)
        case Document():
            found.documents.append(Seen(blueprint_id, item))
        case Version():
            found.versions.append(item)
        case Issue():
            found.issues.append(item)
        case Settings():
            found.settings.append(item)


def _weight(item: Record) -> int:
    match item:
        case Patch():
            return len(bytes(item.ops)) + len(item.rationale)
        case Answer() | Document():
            return len(item.text)
        case Version():
            return len(item.rationale)
        case Issue():
            return len(item.intent) + len(item.detail)
        case Settings():
            return 0
