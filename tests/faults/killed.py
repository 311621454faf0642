"""Commands that are killed (SIGKILL) right before one of their calls that write: to a file, a name or a socket."""

import random
import shutil
import signal
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.lacking import lack
from tests.processes import manage

_SHIM: Final = Path(__file__).resolve().parent / "killed_write.c"


class Killer:
    """Its library lies in ``folder``, which must exist. ``good``: the exit code of a command that was not killed."""

    def __init__(self, folder: Path, good: int = 0) -> None:
        self._good = good
        compiler = shutil.which("gcc")
        if compiler is None:
            lack("gcc")
        self._library, self._count = folder / "killed_write.so", folder / "calls"
        command: list[str | Path] = [compiler, "-O2", "-shared", "-fPIC", "-o", self._library, _SHIM, "-ldl"]
        subprocess.run(command, check=True)

    def calls(self, *arguments: str, data_dir: Path, **more: str) -> int:
        """How many calls of ``manage.py`` with these arguments write. It runs to its end, which must be good."""
        shim = {"LD_PRELOAD": str(self._library), "KILLED_COUNT": str(self._count)}
        done = manage(*arguments, data_dir=data_dir, **more, **shim)
        assert done.returncode == self._good, done.stdout + done.stderr
        return int(self._count.read_text())

    def kill(self, at: int, *arguments: str, data_dir: Path, **more: str) -> bool:
        """Whether it was killed at its call of this number. If it ended before that, it ended well."""
        shim = {"LD_PRELOAD": str(self._library), "KILLED_AT": str(at)}
        done = manage(*arguments, data_dir=data_dir, **more, **shim)
        assert done.returncode in (self._good, -signal.SIGKILL), done.stdout + done.stderr
        return done.returncode != self._good


def points(calls: int, number: int = 20) -> list[int]:
    """So many numbers of calls, spread over all of them: one at random in each stretch, and always the last."""
    chosen = random.Random(calls)
    edges = [calls * part // number for part in range(number + 1)]
    spread = [chosen.randint(low + 1, high) for low, high in pairwise(edges) if low < high]
    return [*spread[:-1], calls]
