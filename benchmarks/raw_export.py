"""The fastest export with the driver and orjson: ``python -m benchmarks.raw_export VENDOR DATABASE``.

Same columns and order, from a server-side cursor, JSON columns passed through. Another process takes the digest,
as in a real export.
"""

import hashlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
import psycopg

CHUNK: Final = 1000
FIELDS: Final = (
    "issue_id",
    "blueprint_id",
    "prev_hash",
    "new_hash",
    "intent",
    "rationale",
    "verdicts",
    "status",
    "reasons",
    "ts_ms",
    "ops",
    "bump",
    "candidate_hash",
    "meta",
)
SELECT: Final = f"SELECT {', '.join(FIELDS)} FROM enhancelog_entry ORDER BY ts_ms, position"


def chunks(vendor: str, database: str) -> Iterator[Sequence[Any]]:
    if vendor == "sqlite":
        cursor = sqlite3.connect(database).execute(SELECT)
        yield from iter(lambda: cursor.fetchmany(CHUNK), [])
        return
    with psycopg.connect(database) as connection, connection.cursor("export", binary=True) as named:
        named.execute(SELECT)
        yield from iter(lambda: named.fetchmany(CHUNK), [])


def line(row: Sequence[Any]) -> bytes:
    record = dict(zip(FIELDS, row, strict=True))
    for field in ("verdicts", "reasons"):
        record[field] = orjson.Fragment(record[field])
    for field in ("ops", "meta"):
        if record[field] is not None:
            record[field] = orjson.Fragment(record[field])
    for field in ("ops", "bump", "candidate_hash", "meta"):
        if record[field] is None:
            del record[field]
    return bytes(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))


def main(vendor: str, database: str) -> None:
    reading, writing = os.pipe()
    verdict_reading, verdict_writing = os.pipe()
    if not os.fork():
        os.close(writing)
        os.write(verdict_writing, json.dumps(taken(reading)).encode())
        os._exit(0)
    os.close(reading)
    os.close(verdict_writing)
    began = time.perf_counter()
    with open(writing, "wb", buffering=0) as output:
        output.writelines(b"".join(map(line, rows)) for rows in chunks(vendor, database))
    with open(verdict_reading, "rb") as verdict:
        said = json.loads(verdict.read())
    print(json.dumps({**said, "seconds": time.perf_counter() - began}))


def taken(descriptor: int) -> dict[str, Any]:
    digest, lines = hashlib.sha256(), 0
    while part := os.read(descriptor, 1 << 18):
        digest.update(part)
        lines += part.count(b"\n")
    return {"digest": digest.hexdigest(), "lines": lines}


if __name__ == "__main__":
    main(*sys.argv[1:])
