"""What the leg ``host`` runs inside the product, in a process of its own.

``python -m benchmarks.host_work``: ``import FOLDER PART…`` imports the recorded host, or some of its stores; ``outputs
FILE`` imports an output store; ``documents NUMBER SEED`` stores so many versions of one Blueprint. Each prints one line
of JSON. The environment names the database.
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

from blake3 import blake3

from benchmarks import generator

HOST = "host"
BLUEPRINT = "main"
DOCUMENTS = 64  # among which the outputs' documents are chosen
OUTPUT_CHARS = 2_000
SCHEMA = """CREATE TABLE outputs (id TEXT PRIMARY KEY, task_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    producer_agent TEXT NOT NULL, event_json TEXT NOT NULL, parent_refs_json TEXT NOT NULL, seq INTEGER NOT NULL)"""


def make_outputs(path: Path, number: int, seed: int) -> None:
    """A spawner's row and an applier's in turn."""
    texts = [text[:OUTPUT_CHARS] for text in islice(versions(seed), DOCUMENTS)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(SCHEMA)
        rows = ((f"o-{seq}", "t", 1, *_output(seq, texts), "[]", seq) for seq in range(1, number + 1))
        connection.executemany("INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _output(seq: int, texts: list[str]) -> tuple[str, str]:
    run = (seq + 1) // 2
    before, after = texts[run % DOCUMENTS], texts[(run + 1) % DOCUMENTS]
    ops = [{"op": "replace", "path": f"/agents/{run % 9}/prompt", "value": f"cite the line {run} " * 20}]
    patch = {"bump": "patch", "ops": ops, "rationale": f"because of {run}"}
    epoch = {"blueprint_id": BLUEPRINT, "start_version": _hash(before), "started_at_ms": 1_790_000_000_000 + run}
    applied = {"prev_hash": _hash(before), "prev_bp_yaml": before, "new_hash": _hash(after), "new_bp_yaml": after}
    value = patch if seq % 2 else {"epoch_id": epoch, "patch": patch, **applied}
    event = {"type": "final", "content": {"kind": "inline", "value": value}, "ok": True}
    return "patch-spawner" if seq % 2 else "patch-applier", json.dumps(event)


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


def import_outputs(path: Path) -> dict[str, float]:
    """``peak_mb``: of this process."""
    seconds = import_host(path.parent, f"outputs={path.name}")["seconds"]
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
