"""How many requests callers may still send, counted together by all workers of a server."""

# Each of several servers on one database grants its share.

import fcntl
import logging
import math
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from django.conf import settings

Key = tuple[str, str, Any]
Rate = tuple[int, int]  # requests, seconds

# Environment variable with the memory's path; set by the server, not a setting.
MEMORY: Final = "SHARED_ALLOWANCES_MEMORY"

# A bucket is stored as the time at which it will be empty, on the clock of ``time.monotonic``, which all processes
# share. A caller's bucket is in one of a few places; if all are taken, it replaces the emptiest one.
_SETS: Final = 2048
_PLACES: Final = 8
_SET: Final = struct.Struct("=" + _PLACES * "16sd")
_BUCKET: Final = struct.Struct("=16sd")
SIZE: Final = _SETS * _SET.size

_log = logging.getLogger(__name__)


class Balance(NamedTuple):
    wait_s: float  # until the request would be granted; 0 if it was
    remaining: int  # requests that would be granted now
    reset_s: float  # until all requests are allowed again or, if none is left, one


class Allowances:
    """Leaky buckets in ``SIZE`` bytes of memory, which processes share if they have a ``descriptor``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, descriptor: int | None = None) -> None:
        self._clock = clock
        self._descriptor = descriptor  # never closed, because that would release the process's locks
        self._memory = mmap.mmap(-1 if descriptor is None else descriptor, SIZE)
        self._lock = threading.Lock()

    def ask(self, key: Key, rate: Rate, *, use: bool = True) -> Balance:
        """``use=False`` only checks. A request that has to wait is not counted."""
        requests, period_s = rate
        # Without shared memory, each process grants its share.
        shares = settings.SERVERS * (settings.WORKERS if self._descriptor is None else 1)
        each_s = period_s / requests * shares
        room_s = max(period_s, each_s)  # a share below one request is one request less often
        digest = blake2b(repr(key).encode("utf-8", "backslashreplace"), digest_size=16).digest()
        at = int.from_bytes(digest[:4], "big") % _SETS * _SET.size
        with self._alone(at):
            now = self._clock()
            place, empty_at = self._find(at, digest)
            used_s = max(empty_at - now, 0.0)
            wait_s = used_s + each_s - room_s
            granted = wait_s <= 1e-9
            if granted and use:
                used_s += each_s
                _BUCKET.pack_into(self._memory, place, digest, now + used_s)
        remaining = int((room_s - used_s) / each_s + 1e-9)
        return Balance(
            wait_s=0.0 if granted else wait_s,
            remaining=remaining,
            reset_s=used_s if remaining else used_s + each_s - room_s,
        )

    def clear(self) -> None:
        self._memory[:] = bytes(SIZE)

    def _find(self, at: int, digest: bytes) -> tuple[int, float]:
        # The place of the caller's bucket, or of the one to replace, and when the caller's is empty.
        values = _SET.unpack_from(self._memory, at)
        digests, moments = values[::2], values[1::2]
        if digest in digests:
            number = digests.index(digest)
            return at + number * _BUCKET.size, moments[number]
        return at + moments.index(min(moments)) * _BUCKET.size, -math.inf

    @contextmanager
    def _alone(self, at: int) -> Iterator[None]:
        with self._lock:
            if self._descriptor is None:
                yield
                return
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX, _SET.size, at)  # released if the process is killed
            try:
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, _SET.size, at)


def _opened() -> int | None:
    path = os.environ.get(MEMORY)
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC) if path else None
    except OSError as error:
        _log.warning("throttles: this worker counts alone: %s", error)
        return None


allowances: Final = Allowances(descriptor=_opened())
