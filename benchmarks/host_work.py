"""What the leg ``host`` runs inside the product, in a process of its own.

``python -m benchmarks.host_work``: ``import FOLDER PART…`` imports the recorded host, or some of its stores; ``outputs
FOLDER`` imports an output store and the log of its runs; ``documents NUMBER SEED`` stores so many versions of one
Blueprint. Each prints one line of JSON. The environment names the database.
"""

import io
import json
import random
import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from benchmarks import generator

HOST = "host"
BLUEPRINT = "main"
DOCUMENTS = 64  # among which the outputs' documents are chosen
OUTPUT_CHARS = 2_000
OUTPUTS = """CREATE TABLE outputs (id TEXT PRIMARY KEY, task_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    producer_agent TEXT NOT NULL, event_json TEXT NOT NULL, parent_refs_json TEXT NOT NULL, seq INTEGER NOT NULL)"""
LOG = """CREATE TABLE enhance_log (issue_id TEXT PRIMARY KEY, blueprint_id TEXT NOT NULL, prev_hash TEXT NOT NULL,
    new_hash TEXT NOT NULL, intent TEXT NOT NULL, rationale TEXT NOT NULL, verdicts_json TEXT NOT NULL,
    status TEXT NOT NULL, reasons_json TEXT NOT NULL, ts_ms INTEGER NOT NULL)"""
VERDICTS = json.dumps([{"axis": "noop", "status": "pass", "detail": ""}])
PARTS = {"log": "enhance_log.db", "outputs": "output.db"}


def make_host(folder: Path, number: int, seed: int) -> None:
    """So many outputs, a spawner's and an applier's in turn, and the log of their runs."""
    texts = [text[:OUTPUT_CHARS] for text in islice(versions(seed), DOCUMENTS)]
    outputs = ((f"o-{seq}", "t", 1, *_output(seq, texts), "[]", seq) for seq in range(1, number + 1))
    _fill(folder / PARTS["outputs"], OUTPUTS, "outputs", outputs)
    _fill(folder / PARTS["log"], LOG, "enhance_log", (_entry(_run(seq, texts)) for seq in range(2, number + 1, 2)))


def _fill(path: Path, schema: str, table: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(schema)
        places = ", ".join("?" * (schema.count(",") + 1))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


class Run(NamedTuple):
    number: int
    before: str
    after: str
    ts_ms: int


def _run(seq: int, texts: list[str]) -> Run:
    number = (seq + 1) // 2
    return Run(number, texts[number % DOCUMENTS], texts[(number + 1) % DOCUMENTS], 1_790_000_000_000 + number)


def _output(seq: int, texts: list[str]) -> tuple[str, str]:
    number, before, after, ts_ms = _run(seq, texts)
    ops = [{"op": "replace", "path": f"/agents/{number % 9}/prompt", "value": f"cite the line {number} " * 20}]
    patch = {"bump": "patch", "ops": ops, "rationale": f"because of {number}"}
    epoch = {"blueprint_id": BLUEPRINT, "start_version": _hash(before), "started_at_ms": ts_ms}
    applied = {"prev_hash": _hash(before), "prev_bp_yaml": before, "new_hash": _hash(after), "new_bp_yaml": after}
    value = patch if seq % 2 else {"epoch_id": epoch, "patch": patch, **applied}
    event = {"type": "final", "content": {"kind": "inline", "value": value}, "ok": True}
    return "patch-spawner" if seq % 2 else "patch-applier", json.dumps(event)


def _entry(run: Run) -> tuple[Any, ...]:
    number, before, after, ts_ms = run
    said = (f"cite the line {number}", f"because of {number}", VERDICTS, "applied", "[]")
    return f"h-{number}", BLUEPRINT, _hash(before), _hash(after), *said, ts_ms


def versions(seed: int) -> Iterator[str]:
    """A document of about 10 kB, a line of it rewritten at each step, so that it drifts away from the first."""
    chance = random.Random(seed)
    words = generator.words(seed)
    lines = [f"- prompt_{number}: {' '.join(chance.choices(words, k=12))}" for number in range(90)]
    while True:
        yield f"id: {BLUEPRINT}\nagents:\n" + "\n".join(lines) + "\n"
        at = chance.randrange(len(lines))
        lines[at] = f"- prompt_{at}: {' '.join(chance.choices(words, k=12))}"


def import_host(folder: Path, *parts: str) -> dict[str, float]:
    """Each part is like ``log=enhance_log.db``."""
    from django.core.management import call_command

    paths = [f"--{name}={folder / file}" for name, _, file in (part.partition("=") for part in parts)]
    began = time.perf_counter()
    arguments = [*(paths or [str(folder)]), "--source", HOST]
    call_command("import_host", *arguments, stdout=io.StringIO(), stderr=io.StringIO())
    return {"seconds": time.perf_counter() - began}


def import_outputs(folder: Path) -> dict[str, float]:
    """With the log. ``peak_mb``: of this process."""
    seconds = import_host(folder, *(f"{name}={file}" for name, file in PARTS.items()))["seconds"]
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6}


def keep_documents(number: int, seed: int) -> dict[str, float]:
    """``share``: bytes stored, as a share of the text."""
    from django.db import connection

    from enhancelog.domain.observed import Document
    from enhancelog.models import Document as DocumentModel
    from enhancelog.store import observed
    from enhancelog.store.documents import Seen

    texts = islice(versions(seed), number)
    while batch := list(islice(texts, observed.BATCH_RECORDS)):
        seen = [Seen(BLUEPRINT, Document(hash=_hash(text), form="yaml", text=text)) for text in batch]
        observed.keep(HOST, observed.Found(documents=seen))
    with connection.cursor() as cursor:
        table = DocumentModel._meta.db_table
        query = f"SELECT COUNT(*), SUM(LENGTH(compressed)), SUM(size) FROM {table} WHERE source = %s"
        cursor.execute(query, [HOST])
        count, taken, text = cursor.fetchone()
    return {"documents": int(count), "share": int(taken) / int(text)}


def _hash(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def main(job: str, *arguments: str) -> None:
    import django

    django.setup()
    match job:
        case "import":
            folder, *parts = arguments
            done = import_host(Path(folder), *parts)
        case "outputs":
            done = import_outputs(Path(arguments[0]))
        case "documents":
            number, seed = map(int, arguments)
            done = keep_documents(number, seed)
        case _:
            raise SystemExit(f"no such job: {job}")
    print(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
