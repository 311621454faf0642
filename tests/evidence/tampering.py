"""What somebody does who has the database and the server's key, and makes everything that follows consistent again."""

from collections.abc import Callable
from typing import Any, Final

from django.db import connection

from enhancelog.domain import envelopes
from enhancelog.domain.origin import Origin
from enhancelog.evidence.keys import SigningKey
from enhancelog.evidence.leaves import new_salts
from enhancelog.models import Checkpoint, Entry, Tile
from enhancelog.store import evidence, host_derivation, pattern_groups
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.rows import RECORD_COLUMNS, raw_digest
from tests.conftest import entries_unprotected

HOST: Final = Origin("command", "tests", "tests")
KEY: Final = SigningKey("log-1", b"k" * 32)

Rows = list[dict[str, Any]]
Change = Callable[[Rows], object]


def remove_the_newest(rows: Rows) -> None:
    del rows[-3:]


def remove_one(rows: Rows) -> None:
    del rows[4]


def change_one(rows: Rows) -> None:
    rows[4]["rationale"] = "Nothing of that kind."


def write_anew(rows: Rows) -> None:
    for row in rows:
        row["intent"] = "Something else."
        row["salt"] = new_salts(1)[0].hex()


KINDS: Final[dict[str, Change]] = {
    "the newest removed": remove_the_newest,
    "one removed and the gap closed": remove_one,
    "one changed": change_one,
    "the whole log written anew": write_anew,
}


def tamper(change: Change) -> None:
    """With positions, digests, envelopes and projections that fit."""
    rows: Rows = [dict(row) for row in Entry.objects.order_by("position").values()]
    change(rows)
    for position, row in enumerate(rows, 1):
        row["position"] = position
        if row["salt"] is not None:
            row["digest"] = raw_digest([row[name] for name in RECORD_COLUMNS])
        origin = Origin(row["actor_kind"], row["actor_name"], row["source"])
        row["envelope"] = envelopes.of_entry(position, row["digest"], row["recorded_ms"], origin)
    with entries_unprotected():
        execute(f"DELETE FROM {Entry._meta.db_table}")
        Entry.objects.bulk_create(Entry(**row) for row in rows)
    rebuild_projections()
    pattern_groups.settle()
    host_derivation.settle()


def sign_anew() -> None:
    """As if there never had been another tree."""
    Tile.objects.all().delete()
    Checkpoint.objects.all().delete()
    settle()


def settle() -> None:
    while evidence.step([KEY]):
        pass


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
