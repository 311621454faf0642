"""A file of refused entries and the reasons, one JSON object a line."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec import Raw

from enhancelog.client.log_calls import Result

_ENTRY: Final = b'"entry":'  # inside a string of JSON its quotes would be escaped


class Refused(NamedTuple):
    result: Result
    line: bytes  # the entry as JSON


class Quarantine:
    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self) -> int:
        """In bytes."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def add(self, refused: Sequence[Refused]) -> None:
        """They survive a crash when this returns. Raises ``OSError``."""
        if not refused:
            return
        lines = [_line(each) for each in refused]
        descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with open(descriptor, "r+b") as file:
            tail = _tail(file, 2 * sum(map(len, lines)) + (1 << 16))
            # Entries that were added just before a crash are not added again, unless others were added since.
            known = {line.partition(_ENTRY)[2] for line in tail.split(b"\n")}
            file.seek(0, os.SEEK_END)
            file.write(b"".join(line for line in lines if line.partition(_ENTRY)[2].rstrip() not in known))
            file.flush()
            os.fsync(descriptor)
        _sync_folder(self.path.parent)


def _line(refused: Refused) -> bytes:
    result = refused.result
    return (
        msgspec.json.encode(
            {
                "quarantined_ms": time.time_ns() // 1_000_000,
                "issue_id": result.issue_id,
                "result": result.result,
                "error": result.error,
                "entry": Raw(refused.line),
            }
        )
        + b"\n"
    )


def _tail(file: BinaryIO, size: int) -> bytes:
    # A line that a crash cut short is removed: its entry still waits.
    end = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, end - size))
    tail = file.read()
    whole, newline, last = tail.rpartition(b"\n")
    if not last:
        return tail
    try:
        msgspec.json.decode(last)
    except msgspec.MsgspecError:
        file.truncate(start + len(whole) + len(newline))
        return whole
    file.write(b"\n")  # somebody edited the file
    return tail


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
