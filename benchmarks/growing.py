"""Makes a log on PostgreSQL several times as long, by SQL: what it holds becomes its newest part.

``python -m benchmarks.growing TIMES``. The environment names the database, which no server may use meanwhile.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import django
import psycopg
from django.db.models import Model

django.setup()

from benchmarks.generator import DAY_MS, DAYS  # noqa: E402
from enhancelog import projections  # noqa: E402
from enhancelog.backends import SEARCH_TABLE  # noqa: E402
from enhancelog.backends.postgresql import triggers  # noqa: E402
from enhancelog.domain.origin import Origin  # noqa: E402
from enhancelog.domain.records import Entry as Record  # noqa: E402
from enhancelog.models import (  # noqa: E402
    AxisTotal,
    BlueprintSummary,
    CandidateKey,
    Checkpoint,
    Entry,
    PatternRules,
    RunStart,
    Template,
    Tile,
)
from enhancelog.projections import candidate_keys, run_starts  # noqa: E402
from enhancelog.projections.stored import Stored  # noqa: E402

# Each copy is the log as it would have been DAYS earlier, with ids and hashes of its own. All that is derived is what
# the product would derive, which a test checks with ``verify_log``, except that a copy keeps digests, envelopes and
# salts of the original. There is no tree of evidence. The tables are unlogged, so that nothing is written twice; that
# changes neither how they are read nor their size.
SESSION: Final = (
    "SET maintenance_work_mem = '1GB'",
    "SET max_parallel_workers_per_gather = 0",  # rows stay in order
    "SET synchronize_seqscans = off",
)
ORIGINAL: Final = "original"  # the schema with the rows of the log before it grew

# What the columns of these names are in a copy.
HASH: Final = "CASE WHEN {0} = '' THEN '' ELSE overlay({0} placing '{mark}' from 1) END"
SHIFTED: Final = {
    "position": "position + {positions}",
    "earlier": "earlier + {positions}",
    "ts_ms": "ts_ms - {ms}",
    "recorded_ms": "recorded_ms - {ms}",
    "day": "day - {days}",
}
RENAMED: Final = {
    "issue_id": "'{mark}-' || issue_id",
    **{name: HASH.replace("{0}", name) for name in ("prev_hash", "new_hash", "candidate_hash")},
}
SUMS: Final[Mapping[type[Model], tuple[str, ...]]] = {
    AxisTotal: ("judged", "rejected"),
    BlueprintSummary: ("applied", "rejected"),
}
# Hashes of what a copy changes; only Python makes them.
KEYS: Final = (RunStart, CandidateKey)
SAME: Final = (Template,)  # the first denial of each stays where it is
MODELS: Final[Sequence[type[Model]]] = (Entry, *projections.tables())
COPIED: Final = [*(m._meta.db_table for m in MODELS if m not in (*SUMS, *KEYS, *SAME)), SEARCH_TABLE]
EVERY: Final = [*COPIED, *(model._meta.db_table for model in KEYS)]
ENTRY: Final = Entry._meta.db_table
HASHED: Final = ("blueprint_id", "source", "prev_hash", "new_hash", "intent", "rationale", "status", "ts_ms")
READ_AT_ONCE: Final = 5_000


class Copy(NamedTuple):
    """Of a log of ``size`` entries. The oldest is 0."""

    number: int
    times: int
    size: int

    @property
    def is_newest(self) -> bool:
        return self.number == self.times - 1

    @property
    def mark(self) -> str:
        return f"{self.number:012x}"

    @property
    def positions(self) -> int:
        return self.number * self.size

    @property
    def days(self) -> int:
        return (self.times - 1 - self.number) * DAYS

    def of(self, column: str) -> str:
        expression = SHIFTED.get(column) or ("" if self.is_newest else RENAMED.get(column, ""))
        numbers = {"positions": self.positions, "days": self.days, "ms": self.days * DAY_MS, "mark": self.mark}
        return expression.format(**numbers) or column

    def hash_of(self, text: str) -> str:
        """As ``HASH``."""
        return text if self.is_newest or not text else self.mark + text[len(self.mark) :]


class Index(NamedTuple):
    drop: str
    make: str


def grow(url: str, times: int) -> None:
    with _connected(url) as connection:
        (size,) = _row(connection, f"SELECT max(position) FROM {ENTRY}")
        copies = [Copy(number, times, size) for number in range(times)]
        indexes = [index for table in EVERY for index in _indexes(connection, table)]
        _execute(connection, f"ALTER TABLE {ENTRY} DISABLE TRIGGER USER")  # entries are written once
        _execute(connection, f"CREATE SCHEMA {ORIGINAL}")
        for table in EVERY:
            _execute(connection, f"CREATE UNLOGGED TABLE {ORIGINAL}.{table} AS TABLE {table}")
            _execute(connection, f"TRUNCATE {table}")
            _execute(connection, f"ALTER TABLE {table} SET UNLOGGED")
        for index in indexes:
            _execute(connection, index.drop)
        with ThreadPoolExecutor(1) as beside:
            keys = beside.submit(_derive_keys, url, copies)
            for table in COPIED:
                columns = _columns(connection, table)
                into = f"{table} ({', '.join(columns)})"
                for copy in copies:
                    _say(f"{table}, copy {copy.number + 1} of {times}")
                    values = ", ".join(copy.of(column) for column in columns)
                    _execute(connection, f"INSERT INTO {into} SELECT {values} FROM {ORIGINAL}.{table}")
            keys.result()
        for model, names in SUMS.items():
            sets = ", ".join(f"{name} = {name} * {times}" for name in names)
            _execute(connection, f"UPDATE {model._meta.db_table} SET {sets}")
        _follow(connection, (times - 1) * size)
        for index in indexes:
            _say(index.make)
            _execute(connection, index.make)
        for trigger in triggers.registered():
            if trigger.table == ENTRY:
                _execute(connection, f"ALTER TABLE {ENTRY} ENABLE ALWAYS TRIGGER {trigger.name}")
        _check(connection, times)
        _execute(connection, f"DROP SCHEMA {ORIGINAL} CASCADE")
        _say("VACUUM (ANALYZE)")
        _execute(connection, "VACUUM (ANALYZE)")
        _execute(connection, "CHECKPOINT")


def _derive_keys(url: str, copies: Sequence[Copy]) -> None:
    with _connected(url) as reading, _connected(url) as writing:
        for copy in copies:
            for stored in _stored(reading, copy):
                _append(writing, RunStart, run_starts.COLUMNS, run_starts.rows(stored))
                _append(writing, CandidateKey, candidate_keys.KeyRow._fields, candidate_keys.own(stored))


def _append(
    connection: psycopg.Connection[Any], model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    statement: Any = f"COPY {model._meta.db_table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as into:
        for row in rows:
            into.write_row(row)


def _stored(connection: psycopg.Connection[Any], copy: Copy) -> Iterator[list[Stored]]:
    """The entries of a copy, as far as their keys depend on them."""
    statement: Any = f"SELECT position, recorded_ms, {', '.join(HASHED)} FROM {ORIGINAL}.{ENTRY}"
    with connection.transaction(), connection.cursor("entries") as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(READ_AT_ONCE):
            yield [_of_copy(copy, row) for row in rows]


def _of_copy(copy: Copy, row: Sequence[Any]) -> Stored:
    position, recorded_ms, blueprint_id, source, before, after, intent, rationale, status, ts_ms = row
    earlier_ms = copy.days * DAY_MS
    record = Record(
        issue_id="-",
        blueprint_id=blueprint_id,
        prev_hash=copy.hash_of(before),
        new_hash=copy.hash_of(after),
        intent=intent,
        rationale=rationale,
        verdicts=(),
        status=status,
        reasons=(),
        ts_ms=ts_ms - earlier_ms,
    )
    return Stored(position + copy.positions, recorded_ms - earlier_ms, Origin("", "", source), record, {})


def _follow(connection: psycopg.Connection[Any], further: int) -> None:
    """What says up to where something is derived."""
    _execute(connection, f"UPDATE {PatternRules._meta.db_table} SET done = done + {further}")
    for model in (Tile, Checkpoint):
        _execute(connection, f"DELETE FROM {model._meta.db_table}")


def _indexes(connection: psycopg.Connection[Any], table: str) -> list[Index]:
    found = _execute(
        connection,
        f"""SELECT made.indexrelid::regclass::text, pg_get_indexdef(made.indexrelid),
                quote_ident(keeps.conname), pg_get_constraintdef(keeps.oid)
            FROM pg_index made LEFT JOIN pg_constraint keeps
                ON keeps.conindid = made.indexrelid AND keeps.conrelid = made.indrelid
            WHERE made.indrelid = '{table}'::regclass""",
    )
    return [
        Index(f"ALTER TABLE {table} DROP CONSTRAINT {kept}", f"ALTER TABLE {table} ADD CONSTRAINT {kept} {definition}")
        if kept
        else Index(f"DROP INDEX {name}", made)
        for name, made, kept, definition in found
    ]


def _columns(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """Except those that number themselves."""
    found = _execute(
        connection,
        f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attidentity = '' ORDER BY attnum",
    )
    return [name for (name,) in found]


def _check(connection: psycopg.Connection[Any], times: int) -> None:
    for table in EVERY:
        _say(f"counting {table}")
        (now,) = _row(connection, f"SELECT count(*) FROM {table}")
        (before,) = _row(connection, f"SELECT count(*) FROM {ORIGINAL}.{table}")
        if now != before * times:
            raise SystemExit(f"{table} has {now:,} rows, not {times} times {before:,}")


def _connected(url: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(url, autocommit=True)
    for statement in SESSION:
        _execute(connection, statement)
    return connection


def _execute(connection: psycopg.Connection[Any], statement: Any) -> psycopg.Cursor[Any]:
    return connection.execute(statement)


def _row(connection: psycopg.Connection[Any], statement: str) -> Any:
    return _execute(connection, statement).fetchone()


def _say(step: str) -> None:
    sys.stdout.write(json.dumps({"seconds": round(time.monotonic() - _BEGAN, 1), "step": step}) + "\n")
    sys.stdout.flush()


_BEGAN: Final = time.monotonic()

if __name__ == "__main__":
    grow(os.environ["DATABASE_URL"], int(sys.argv[1]))
