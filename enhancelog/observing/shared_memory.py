"""Memory that the processes of a server share."""

import atexit
import logging
import os
import sys
import tempfile
from pathlib import Path

_log = logging.getLogger(__name__)


def allocate(name: str, size: int) -> str | None:
    """Returns the path of ``size`` zero bytes, which can be opened while this process lives; ``None`` on failure
    (logged)."""
    # A memfd has no file: writing to a mapped file kills a worker by SIGBUS when the disk is full or fails.
    try:
        if sys.platform == "linux":
            descriptor = os.memfd_create(f"enhancelog-{name}")
            path = f"/proc/{os.getpid()}/fd/{descriptor}"
        else:
            descriptor, path = tempfile.mkstemp(prefix=f"enhancelog-{name}-")
            atexit.register(Path(path).unlink, missing_ok=True)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(bytes(size))  # allocates every block now
    except OSError as error:
        _log.warning("%s: no shared memory, each worker has its own: %s", name, error)
        return None
    return path
