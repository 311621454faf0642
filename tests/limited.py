"""Work in a process of its own with a limit of CPU time: what never ends is killed, and nothing is measured."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CPU_S: Final = 10


def run(code: str, *arguments: str, text: str = "", cpu_s: int = CPU_S) -> subprocess.CompletedProcess[str]:
    """Run ``code`` with ``arguments`` as ``sys.argv[1:]`` and ``text`` as its input.

    SIGXCPU kills it after ``cpu_s`` seconds of CPU time.
    """
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, ({cpu_s}, resource.RLIM_INFINITY))\n"
    command = [sys.executable, "-c", limit + code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, input=text, check=False)


def assert_ends(code: str, *arguments: str, text: str = "", cpu_s: int = CPU_S) -> str:
    """``run`` that must end with exit code 0 within the limit; its output."""
    done = run(code, *arguments, text=text, cpu_s=cpu_s)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stdout[-500:]} {done.stderr[-2000:]}"
    return done.stdout
