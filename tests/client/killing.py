"""Run as ``python -m tests.client.killing FOLDER NUMBER…``: kills the spooled client before it runs the line of that
number, lets another process finish its work, and prints what was acknowledged. Without numbers: prints those at which
each line of the code runs for the first and for the last time.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import msgspec

from enhancelog import client
from enhancelog.client.buffered import EnhanceLogClient
from enhancelog.client.connection import Connection
from enhancelog.domain import records

# Building requests and reading answers has no effect outside the process, so kills between its lines are all alike.
CODE = tuple(
    str(Path(client.__file__).parent / name) for name in ("buffered", "connection", "delivery", "quarantine", "spool")
)


def main(folder: Path, *numbers: int) -> None:
    if not numbers:
        sys.exit(
            in_child(lambda: print(first_and_last(trace(partial(work, folder / "counted", "counted"))), flush=True))
        )
    for number in numbers:
        spool = folder / str(number)
        code = in_child(partial(trace, partial(work, spool, f"k{number}"), kill_at=number))
        assert code == -signal.SIGKILL, f"line {number}: exit code {code}"
        assert in_child(partial(finish, spool)) == 0, f"line {number}: cannot be finished"
        report(number, spool)


def first_and_last(lines: list[tuple[str, int]]) -> list[int]:
    numbered = list(enumerate(lines, 1))
    first = {line: number for number, line in reversed(numbered)}
    last = {line: number for number, line in numbered}
    return sorted({*first.values(), *last.values()})


def finish(spool: Path) -> None:
    opened(spool).flush()


def work(spool: Path, name: str) -> None:
    log = opened(spool)
    acknowledge(spool, [entry(f"{name}-0")], log)
    acknowledge(spool, [entry(f"{name}-1"), entry("taken", name), entry(f"{name}-2")], log)
    log.flush()
    acknowledge(spool, [entry(f"{name}-3")], log)
    log.close()


def acknowledge(spool: Path, entries: list[records.Entry], log: EnhanceLogClient) -> None:
    log.append_many(entries)
    with open(f"{spool}.acknowledged", "a") as file:
        file.writelines(f"{entry.issue_id}\n" for entry in entries)


def report(number: int, spool: Path) -> None:
    acknowledged, quarantined = Path(f"{spool}.acknowledged"), Path(f"{spool}.quarantine.ndjson")
    found = {
        "number": number,
        "acknowledged": acknowledged.read_text().split() if acknowledged.exists() else [],
        "quarantined": [
            msgspec.json.decode(text)["issue_id"]
            for text in (quarantined.read_bytes().splitlines() if quarantined.exists() else [])
        ],
    }
    print(msgspec.json.encode(found).decode(), flush=True)


def opened(spool: Path) -> EnhanceLogClient:
    connection = Connection.from_environment(transport=httpx.HTTPTransport(verify=False))  # quick to make
    return EnhanceLogClient(connection, spool=spool, background=False)


def entry(issue_id: str, intent: str = "") -> records.Entry:
    return records.from_values(
        issue_id=issue_id,
        blueprint_id="main",
        prev_hash="",
        new_hash="",
        intent=intent,
        rationale="",
        verdicts=[],
        status="applied",
        reasons=[],
        ts_ms=1_795_000_000_000,
    )


def trace(act: Callable[[], object], kill_at: int = 0) -> list[tuple[str, int]]:
    """The lines of the client that ``act`` ran, in order; it ends before the one of this number."""
    lines: list[tuple[str, int]] = []

    def tracer(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if event == "line":
            lines.append((frame.f_code.co_filename, frame.f_lineno))
            if len(lines) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return tracer

    sys.settrace(tracer)
    try:
        act()
    finally:
        sys.settrace(None)
    return lines


def in_child(act: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        act()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
