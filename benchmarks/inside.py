"""What the benchmark runs inside the product, in a process per database.

``python -m benchmarks.inside``: ``fill KIND SIZE SEED`` creates a log; ``record TAPE NAME SEED BLUEPRINTS TRANSACTIONS
SIZE`` appends batches and records their statements; ``queries TAPE ADDRESS…`` requests pages and records theirs;
``wait ALERT NUMBER`` makes deliveries of an alert that wait for a day;
``serve PORT APPLICATION`` serves another application than ours. The environment names the database.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks import generator, wide
from benchmarks.databases import WIDE
from benchmarks.tape import Recorder, Tape
from enhancelog.domain.records import Entry

BATCH = 1000


def fill(kind: str, size: int, seed: int) -> None:
    """A migrated, ANALYZEd database with a log; prints progress."""
    from django.core.management import call_command

    from enhancelog.domain.origin import Origin
    from enhancelog.store import pattern_groups, theme_derivation, touch_derivation
    from enhancelog.store.database import DatabaseEnhanceLogStore, analyze

    call_command("migrate", verbosity=0, interactive=False)
    entries = wide.log(seed, size) if kind == WIDE else generator.log(seed, size)
    done = 0
    while batch := list(islice(entries, BATCH)):
        for source, its_entries in _by_source(kind, batch).items():
            store = DatabaseEnhanceLogStore(Origin("command", "bench", source))
            if any(not outcome.is_new for outcome in store.append_batch(its_entries)):
                raise SystemExit("the database is not fresh")
        done += len(batch)
        if done == BATCH:
            analyze()  # plans for the lookups of the next batches
        say({"done": done})
    pattern_groups.settle()
    theme_derivation.settle()
    while touch_derivation.step():
        pass
    analyze()
    _settle()


def _by_source(kind: str, batch: Sequence[Entry]) -> dict[str, list[Entry]]:
    if kind != WIDE:
        return {"bench": list(batch)}
    found: dict[str, list[Entry]] = {}
    for entry in batch:
        found.setdefault(wide.source_of(entry.blueprint_id), []).append(entry)
    return found


def record(tape: Path, name: str, seed: int, blueprints: int, transactions: int, size: int) -> None:
    """Append ``transactions`` batches of ``size`` entries and record the statements."""
    from django.db import connection

    from enhancelog.domain.origin import Origin
    from enhancelog.store import database
    from enhancelog.store.database import DatabaseEnhanceLogStore

    database.writes_alone = lambda: True  # write on this thread, where the recorder listens
    connection.ensure_connection()
    store = DatabaseEnhanceLogStore(Origin("token", "bench", "api"))
    recorder = Recorder(connection.vendor)
    entries = iter(generator.appends(seed, name, transactions * size, blueprints))
    for _ in range(transactions):
        batch = list(islice(entries, size))
        with recorder.transaction():
            outcomes = store.append_batch(batch)
        if any(not outcome.is_new for outcome in outcomes):
            raise SystemExit("the entries are not new")
    Tape(connection.vendor, recorder.transactions, _rows()).save(tape)
    say({"statements": sum(map(len, recorder.transactions)) / transactions})


def queries(tape: Path, addresses: Sequence[str]) -> None:
    from django.db import connection
    from django.test import Client

    client = Client(SERVER_NAME="127.0.0.1")
    recorder = Recorder(connection.vendor)
    for address in addresses:
        client.get(address)  # warm up
        with recorder.transaction():
            response = client.get(address)
            if response.streaming:
                raise SystemExit(f"{address} is no page")
        if response.status_code != 200:
            raise SystemExit(f"{address}: {response.status_code}")
    Tape(connection.vendor, recorder.transactions, {}).save(tape)
    say({"statements": [len(statements) for statements in recorder.transactions]})


def wait(alert: str, number: int) -> None:
    from enhancelog.domain.times import DAY_MS, now_ms
    from enhancelog.models import Delivery

    now = now_ms()
    said = {"event": "entry.rejected", "data": "{}", "caused_ms": now, "made_ms": now, "attempts": 0}
    later = {"state": "waiting", "next_ms": now + DAY_MS}
    rows = [Delivery(id=f"bench-{n}", alert_id=alert, **said, **later) for n in range(number)]
    Delivery.objects.bulk_create(rows, BATCH)
    say({"done": number})


def serve_application(port: int, application: str) -> None:
    """Like ``manage.py serve``, with the application of this module."""
    from enhancelog.management.commands import serve

    serve.serve(serve.Address("127.0.0.1", port), lambda: None, application)


def _rows() -> dict[str, int]:
    from django.db import connection

    from enhancelog import projections
    from enhancelog.models import Entry

    names = [Entry._meta.db_table, *(table._meta.db_table for table in projections.tables())]
    rows = {}
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"SELECT COUNT(*) FROM {name}")
            rows[name] = int(cursor.fetchone()[0])
    return rows


def _settle() -> None:
    """Checkpoint everything, so that the first client finds no work left."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
    connection.close()


def say(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _numbers(texts: Sequence[str]) -> Iterator[int]:
    return map(int, texts)


def main(job: str, *arguments: str) -> None:
    import django

    django.setup()
    match job:
        case "fill":
            kind, *numbers = arguments
            fill(kind, *_numbers(numbers))
        case "record":
            tape, name, *numbers = arguments
            record(Path(tape), name, *_numbers(numbers))
        case "queries":
            tape, *addresses = arguments
            queries(Path(tape), addresses)
        case "wait":
            alert, number = arguments
            wait(alert, int(number))
        case "serve":
            port, application = arguments
            serve_application(int(port), application)
        case _:
            raise SystemExit(f"no such job: {job}")


if __name__ == "__main__":
    main(*sys.argv[1:])
