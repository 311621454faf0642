"""Numbers in memory shared by all workers of a server."""

import fcntl
import logging
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from typing import Final

from enhancelog.observing import shared_memory

# Each worker writes to its own slot, and a reader adds up all slots. A slot outlives its worker: the next worker
# claims it and continues its numbers, so sums never decrease while the server runs.

# Environment variable with the memory's path; set by the server, not a setting.
MEMORY: Final = "SHARED_SERIES_MEMORY"

# Several times the need of all routes, methods and status codes.
SLOT_BYTES: Final = 256 << 10

_HEADER: Final = struct.Struct("=QQ")  # bytes in use, process id
_RECORD: Final = struct.Struct("=II")  # bytes of the padded key, number of values

_log = logging.getLogger(__name__)


def allocate(workers: int) -> str | None:
    """Returns the memory's path, which can be opened while this process lives; ``None`` on failure (logged)."""
    # A worker may start before its predecessor's slot is free.
    return shared_memory.allocate("metrics", 2 * workers * SLOT_BYTES)


class Slot:
    """Series by key in ``SLOT_BYTES``. One process writes, any may read."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._numbers = memory.cast("Q")
        self._series = dict(read(memory))
        self._lock = threading.Lock()
        self._numbers[0] = max(self._numbers[0], _HEADER.size)
        self._numbers[1] = os.getpid()

    def series(self, key: str, size: int) -> "memoryview[float]":
        """The key's ``size`` values, initially zero. If the slot is full (logged), they are not shared."""
        with self._lock:
            if key not in self._series:
                self._series[key] = self._create(key.encode(), size)
            return self._series[key]

    def _create(self, key: bytes, size: int) -> "memoryview[float]":
        padded = key + b" " * (-len(key) % 8)
        start = self._numbers[0]
        values = start + _RECORD.size + len(padded)
        end = values + 8 * size
        if end > len(self._memory):
            _log.warning("metrics: no room for another series; it is left out")
            return memoryview(bytearray(8 * size)).cast("d")
        # Including zeros: a worker killed here may have left part of a longer key.
        self._memory[start:end] = _RECORD.pack(len(padded), size) + padded + bytes(8 * size)
        self._numbers[0] = end  # last, so that readers see only whole records
        return self._memory[values:end].cast("d")


def read(memory: memoryview) -> Iterator[tuple[str, "memoryview[float]"]]:
    used, _ = _HEADER.unpack_from(memory)
    position = _HEADER.size
    while position < used:
        key_size, size = _RECORD.unpack_from(memory, position)
        values = position + _RECORD.size + key_size
        key = bytes(memory[values - key_size : values]).decode().rstrip()
        position = values + 8 * size
        yield key, memory[values:position].cast("d")


class _Shared:
    def __init__(self) -> None:
        self.slots: list[memoryview] = []
        number = None
        if path := os.environ.get(MEMORY):
            try:
                number = self._open(path)
            except OSError as error:
                _log.warning("metrics: this worker's numbers are not shared: %s", error)
        if number is None:
            self.slots.append(memoryview(bytearray(SLOT_BYTES)))
            number = -1
        self.own = Slot(self.slots[number])

    def _open(self, path: str) -> int | None:
        # Never closed: closing any descriptor of the file releases the process's locks.
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        memory = memoryview(mmap.mmap(descriptor, 0))
        self.slots = [memory[start : start + SLOT_BYTES] for start in range(0, len(memory), SLOT_BYTES)]
        for number in range(len(self.slots)):
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
            except (BlockingIOError, PermissionError):  # POSIX allows both if another process holds it
                continue
            return number
        _log.warning("metrics: no slot is free; this worker's numbers are not shared")
        return None


_claiming: Final = threading.Lock()
_shared: _Shared | None = None


def _claimed() -> _Shared:
    global _shared
    with _claiming:
        if _shared is None:
            _shared = _Shared()
        return _shared


def own() -> Slot:
    return _claimed().own


def totals() -> dict[str, list[float]]:
    sums: dict[str, list[float]] = {}
    for slot in _claimed().slots:
        for key, values in read(slot):
            known = sums.get(key)
            sums[key] = list(values) if known is None else [a + b for a, b in zip(known, values, strict=True)]
    return sums


def process_ids() -> list[int]:
    found = [_HEADER.unpack_from(slot)[1] for slot in _claimed().slots]
    return [process_id for process_id in found if process_id]
