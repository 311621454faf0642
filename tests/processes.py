"""The product as a person runs it: ``manage.py`` in a process of its own, with a data folder of its own."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil  # type: ignore[import-untyped]

from tests.waiting import LONGEST_S

ROOT = Path(__file__).resolve().parent.parent
RECORDED_HOST = ROOT / "enhancelog" / "demo" / "host"
START_S = 120.0  # several times what it takes, for a machine that is busy

Process = subprocess.Popen[str]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment with nothing of the product's or the tests' in it but ``more``. ``serve`` makes no
    copies unless asked, and what talks to servers remembers none."""
    strange = ("ENHANCELOG_", "DATABASE_URL", "DJANGO_", "COV_", "PYTEST_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    ours = {"ENHANCELOG_BOOTSTRAP": "0", "ENHANCELOG_BACKUP_EVERY": "0", "ENHANCELOG_DATA_DIR": str(data_dir)}
    return {**clean, **ours, "ENHANCELOG_CHECKPOINTS": "off", **more}


def manage(*arguments: str, data_dir: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(data_dir, **more), timeout=START_S, check=False
    )


def run_on_sqlite(script: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with a database of its own, which the script migrates."""
    database = f"sqlite:///{data_dir}/log.sqlite3"
    variables = environment(data_dir, DATABASE_URL=database, DJANGO_SETTINGS_MODULE="enhancelog.settings")
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=START_S, check=False
    )


def make_tokens(number: int, scopes: Sequence[str], data_dir: Path, **more: str) -> list[str]:
    """The secrets of so many new tokens of the administrator, made by one process."""
    code = (
        "from django.contrib.auth.models import User\n"
        "from enhancelog.accounts import api_tokens\n"
        f"for number in range({number}):\n"
        f"    wanted = api_tokens.Wanted(f'client-{{number}}', {list(scopes)!r})\n"
        "    print(api_tokens.make(wanted, User.objects.get(username='admin'), made_by='tests')[1])\n"
    )
    made = manage("shell", "--verbosity", "0", "-c", code, data_dir=data_dir, **more)
    if made.returncode:
        raise AssertionError(f"cannot create tokens: {made.stderr}")
    return made.stdout.split()


def free_port() -> int:
    """Below the ports that the system gives to connections: such a one could be taken before a server binds to it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def serving(*arguments: str, data_dir: Path, output: IO[str], **more: str) -> Iterator[Process]:
    """A server that is ready; it is gone when the block ends. What it prints goes to ``output``."""
    bind = arguments[arguments.index("--bind") + 1]
    with running("serve", *arguments, address=bind, data_dir=data_dir, output=output, root=ROOT, **more) as process:
        yield process


@contextmanager
def running(
    *arguments: str, address: str, data_dir: Path, output: IO[str], root: Path = ROOT, **more: str
) -> Iterator[Process]:
    """The same for any command that serves at ``address``, and for another clone than this one."""
    command = [sys.executable, str(root / "manage.py"), *arguments]
    with started(command, address=address, output=output, env=environment(data_dir, **more)) as process:
        yield process


@contextmanager
def started(
    command: Sequence[str], *, address: str, output: IO[str], env: dict[str, str], cwd: Path | None = None
) -> Iterator[Process]:
    """The same for another program than ``manage.py``."""
    process = subprocess.Popen(
        command, stdout=output, stderr=subprocess.STDOUT, text=True, env=env, cwd=cwd, start_new_session=True
    )
    try:
        _wait_for(f"http://{address}/health/ready", process, Path(output.name))
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _wait_for(url: str, process: Process, log: Path) -> None:
    reason = ""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"serve ended with exit code {process.returncode}: {log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError as error:
            reason = str(error)
            time.sleep(0.1)
    raise AssertionError(f"{url} is not ready ({reason}): {log.read_text()}")


def workers_of(server: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(server).children() if _is_worker(child)]


def _is_worker(child: psutil.Process) -> bool:
    try:
        return any("spawn_main" in part for part in child.cmdline())
    except psutil.NoSuchProcess:  # it just ended, or is a zombie
        return False


def left_of(group: int, wait_s: float = LONGEST_S) -> list[int]:
    """The processes of a process group that outlive its leader by more than ``wait_s``."""
    deadline = time.monotonic() + wait_s
    while (found := _members(group)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _members(group: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(process_group) == group and state != "Z":
            found.append(int(path.parent.name))
    return found
