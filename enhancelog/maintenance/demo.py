"""The demo: two recordings of an engine host. The newest entry of both is from yesterday (UTC) at the first start."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from msgspec import structs

from enhancelog.domain.errors import NotFound
from enhancelog.domain.observed import Version, later
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.host import importing
from enhancelog.host.recognition import recognize
from enhancelog.store import host_derivation
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from enhancelog.transfer.importer import import_entries
from enhancelog.transfer.items import Found
from enhancelog.transfer.sources import open_source

FOLDER: Final = Path(__file__).resolve().parent.parent / "demo"
HOST: Final = "host"
# The first is imported first: an interrupted load finds its times there.
LOGS: Final = {"recorded": FOLDER / "enhance_log.db", HOST: FOLDER / "host" / "enhance_log.db"}

Log = list[Found]

_loaders: list[Callable[[], object]] = []


def register(load: Callable[[], object]) -> None:
    """``load`` stores another app's demo data; it runs again after an interruption."""
    _loaders.append(load)


def load() -> None:
    """Idempotent; continues an interrupted load."""
    stamp = settings.DATA_DIR / "demo.loaded"
    if stamp.exists() and last_position():
        return
    logs = {source: _read(path) for source, path in LOGS.items()}
    days = _days(logs)
    for source, log in logs.items():
        shifted = (found._replace(entry=later(found.entry, days)) for found in log)
        import_entries(shifted, Origin("command", "serve", source))
    _load_stores(days, max(found.entry.ts_ms for found in logs[HOST]))
    for load_more in _loaders:
        load_more()
    stamp.touch()


def _read(path: Path) -> Log:
    with open_source(str(path), settings.MAX_ENTRY_BYTES, imported=True) as items:
        return [item for item in items if isinstance(item, Found)]


# One number for everything: what belongs together must still meet.
def _days(logs: dict[str, Log]) -> int:
    first, *_ = (entry for log in logs.values() for _, entry, *_ in log)
    try:
        stored = DatabaseEnhanceLogStore(Origin("command", "serve", "")).get(first.issue_id)
    except NotFound:
        newest_ms = max(found.entry.ts_ms for log in logs.values() for found in log)
        return now_ms() // DAY_MS - 1 - newest_ms // DAY_MS
    return (stored.ts_ms - first.ts_ms) // DAY_MS


def _load_stores(days: int, newest_ms: int) -> None:
    for store in recognize(FOLDER / HOST):
        if store.kind != "log":
            with importing.open_store(store) as records:
                importing.keep((later(record, days) for record in _timed(records, newest_ms)), HOST)
    host_derivation.settle()
    host_derivation.analyze()


# The first version of one Blueprint was made again when the recording ended; shifted, it would be in the future.
def _timed(records: importing.Reader, newest_ms: int) -> Iterator[Any]:
    for record in records:
        is_late = isinstance(record, Version) and record.ts_ms is not None and record.ts_ms > newest_ms
        yield structs.replace(record, ts_ms=None) if is_late else record
