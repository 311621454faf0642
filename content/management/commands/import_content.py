"""``import_content FILE [--merge]``"""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from content import raw
from content.kinds import Key
from content.raw import RawMap, Refused
from content.store import ContentStore, NotEmpty, Preloaded, open_store
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.management.database import Needs
from enhancelog.management.reporting import CannotRun, ReportingCommand, printable, progress
from enhancelog.transfer.findings import FindingsFile

KEYS_PER_TRANSACTION: Final = 500
SHOWN: Final = 20


class Command(ReportingCommand):
    help = (
        "Import a raw map: one JSON object whose keys are STORY for the main body and STORY:KIND for the rest. "
        "Imports all or nothing, into an empty store; with --merge, in batches and safe to repeat."
    )
    needs = Needs.CREATED

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("location", metavar="FILE", help="a file, or - for standard input")
        parser.add_argument("--merge", action="store_true", help="import into a store that is not empty")

    def report(self, **options: Any) -> bool:
        location: str = options["location"]
        data = sys.stdin.buffer.read() if location == "-" else Path(location).read_bytes()
        try:
            found = raw.read(data, settings.MAX_CONTENT_BYTES)
        except Invalid as error:
            raise CannotRun(f"{location} {error}") from None
        store = open_store(Origin("command", "import_content", "import"))
        done = Preloaded()
        try:
            with progress(self.stderr, "Importing", len(found.values)) as report:
                for part in _parts(found.values, whole=not options["merge"]):
                    done = _sum(done, _written(store, part, merge=options["merge"]))
                    report(sum(done), f"{sum(done):,} keys")
        finally:
            self._conclude(done, found)
        return bool(found.refused)

    def _conclude(self, done: Preloaded, found: RawMap) -> None:
        for item in found.refused[:SHOWN]:
            self.stderr.write(printable(f"{item.shown[:200]}: {item.error}"))
        if len(found.refused) > SHOWN:
            self.stderr.write(f"… and {len(found.refused) - SHOWN:,} more")
        self.stdout.write(
            f"{done.created:,} created, {done.changed:,} changed, {done.unchanged:,} unchanged,"
            f" {len(found.refused):,} quarantined"
        )
        if path := _quarantined(found.refused):
            self.stdout.write(f"Values that were not imported are in {path}")


def _written(store: ContentStore, values: dict[Key, str], *, merge: bool) -> Preloaded:
    try:
        return store.preload(values, merge=merge)
    except NotEmpty:
        raise CannotRun("the content store is not empty; use --merge to import into it") from None


def _parts(values: dict[Key, str], *, whole: bool) -> list[dict[Key, str]]:
    if whole:
        return [values]
    keys = sorted(values)
    starts = range(0, len(keys), KEYS_PER_TRANSACTION)
    return [{key: values[key] for key in keys[start : start + KEYS_PER_TRANSACTION]} for start in starts]


def _sum(one: Preloaded, other: Preloaded) -> Preloaded:
    return Preloaded(*map(sum, zip(one, other, strict=True)))


def _number(value: Decimal) -> int | str:
    written = str(value)  # an int with more digits raises when it is written
    return int(value) if len(written) <= sys.int_info.default_max_str_digits else written


def _quarantined(refused: list[Refused]) -> Path | None:
    with FindingsFile(settings.DATA_DIR / "quarantine", "content") as findings:
        for item in refused:
            value = item.value if isinstance(item.value, str) else json.dumps(item.value, default=_number)
            error = item.error
            findings.add(where=item.key, field=error.field, rule=error.rule, reason=str(error), raw=value)
    return findings.path
