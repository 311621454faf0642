"""Slows fsync with a preloaded library. Needs Linux and a C compiler."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).resolve().parent / "slow_fsync.c"


class NotHere(Exception):
    pass


def environment(folder: Path, extra_ms: float) -> dict[str, str]:
    """Variables for the process. Raises ``NotHere``."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if sys.platform != "linux":
        raise NotHere("slowing fsync down needs Linux")
    if compiler is None:
        raise NotHere("slowing fsync down needs a C compiler (cc)")
    library = folder / "slow_fsync.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotHere(f"slow_fsync.c does not compile: {(done.stderr.strip().splitlines() or [''])[0][:200]}")
    return {"LD_PRELOAD": str(library), "SLOW_FSYNC_US": str(round(extra_ms * 1000))}
