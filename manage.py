#!/usr/bin/env python3
"""Creates ``.venv`` if needed, then runs Django's manage.py, ``test``, ``bench`` or ``mcp``."""

# Standard library only, and syntax that any Python 3 reads, so that an old one gets a clear error.
import sys

if sys.version_info < (3, 11) or sys.platform == "win32":
    sys.stderr.write("manage.py: needs Python 3.11 or newer on Linux or macOS, this is %s\n" % sys.version.split()[0])
    sys.exit(2)

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import operator
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# The first call installs the pinned, hashed requirements into .venv, and so does the first one after the pins change.
# Nothing is set up if the requirements are importable (an active virtual environment, a container) or
# ENHANCELOG_BOOTSTRAP=0. Errors are one line and exit code 2.

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = {
    "run": [ROOT / "requirements.txt"],
    "mcp": [ROOT / "requirements.txt", ROOT / "requirements-mcp.txt"],
    "bench": [ROOT / "requirements.txt", ROOT / "requirements-bench.txt"],
    "test": [ROOT / "requirements.txt", ROOT / "requirements-dev.txt", ROOT / "requirements-mcp.txt"],
}
UNFINISHED = VENV / ".enhancelog-unfinished"
INSTALLER = ROOT / "requirements-uv.txt"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]+))?")
COMPARE: "dict[str, Callable[[Any, Any], bool]]" = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CONDITION = re.compile(r"^(\w+) (==|!=|<|<=|>|>=) '([^']*)'$")


class SetupError(Exception):
    """Why there is no environment, in one line."""


def main(arguments: Sequence[str]) -> None:
    kind = arguments[0] if arguments and arguments[0] in REQUIREMENTS else "run"
    try:
        if not steps_aside(kind):
            if not is_current(kind):
                set_up(kind)
            os.environ["ENHANCELOG_BOOTSTRAP"] = "0"
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # otherwise every process compiles everything again
            os.execv(PYTHON, [str(PYTHON), str(ROOT / "manage.py"), *arguments])
    except SetupError as error:
        fail(error)
    except OSError as error:
        fail(f"cannot set up {VENV}: {error.strerror or error}")
    run(arguments)


def fail(reason: object) -> None:
    sys.stderr.write(f"manage.py: {reason}\n")
    sys.exit(2)


# Whether to set up


def steps_aside(kind: str) -> bool:
    if os.environ.get("ENHANCELOG_BOOTSTRAP", "").strip().lower() in ("0", "false", "no", "off"):
        return True
    if Path(sys.prefix).resolve() == VENV.resolve() and is_current(kind):
        return True
    return all(pins_hold(path) for path in REQUIREMENTS[kind])


def pins_hold(path: Path) -> bool:
    """Whether this interpreter has every distribution pinned in ``path``, in its version."""
    for name, version, condition in filter(None, map(pin, path.read_text().splitlines())):
        if condition and not applies(condition):
            continue
        try:
            if importlib.metadata.version(name) != version:
                return False
        except importlib.metadata.PackageNotFoundError:
            return False
    return True


def pin(line: str) -> "tuple[str, str, str] | None":
    found = PIN.match(line)
    return (found[1], found[2], (found[3] or "").strip()) if found else None


def applies(condition: str) -> bool:
    """Evaluates the environment markers of compiled requirements files."""
    if " or " in condition:
        return any(map(applies, condition.split(" or ")))
    if " and " in condition:
        return all(map(applies, condition.split(" and ")))
    found = CONDITION.match(condition.strip(" ()"))
    if not found:
        raise SetupError(f"cannot read the condition of a requirement: {condition}")
    name, sign, wanted = found.groups()
    values = {
        "python_full_version": platform.python_version(),
        "python_version": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_system": platform.system(),
        "implementation_name": sys.implementation.name,
        "platform_python_implementation": platform.python_implementation(),
    }
    as_comparable = version_tuple if "version" in name else str
    return COMPARE[sign](as_comparable(values[name]), as_comparable(wanted))


def version_tuple(text: str) -> "tuple[int, ...]":
    return tuple(int(digits) for digits in re.findall(r"\d+", text)[:3])


# Setting up


def stamp(kind: str) -> Path:
    return VENV / f".enhancelog-{kind}"


def fingerprint(kind: str) -> str:
    """Covers the pins and the interpreter behind ``.venv``, which a system upgrade can replace."""
    digest = hashlib.sha256(str(PYTHON.resolve()).encode())
    for path in REQUIREMENTS[kind]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(kind: str) -> bool:
    try:
        return PYTHON.exists() and stamp(kind).read_text() == fingerprint(kind)
    except OSError:
        return False


def set_up(kind: str) -> None:
    """Create or renew ``.venv``. Concurrent and interrupted runs are safe: the stamp is written last."""
    with lock():
        if is_current(kind):
            return
        sys.stderr.write("setting up .venv (once, and after an upgrade) …\n")
        sys.stderr.flush()
        if UNFINISHED.exists() or not works(PYTHON, "-c", ""):
            make_venv()
        UNFINISHED.touch()
        install(*(REQUIREMENTS[kind][1:] or REQUIREMENTS[kind]))  # the other files include the first one's pins
        for done, files in REQUIREMENTS.items():
            if set(files) <= set(REQUIREMENTS[kind]):
                stamp(done).write_text(fingerprint(done))
        UNFINISHED.unlink()


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One setup at a time."""
    if not os.access(ROOT, os.W_OK):
        raise SetupError(f"cannot write to {ROOT}, where .venv belongs; change its owner, or set up an environment")
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def make_venv() -> None:
    if VENV.is_symlink() or VENV.is_file():
        raise SetupError(f"{VENV} must be a folder; remove it")
    call(sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV), what="cannot create .venv")


def install(*requirements: Path) -> None:
    # uv takes a third of pip's time. pip replaces it where uv does not see what pip is configured to see.
    options = ["install", "-q", "--disable-pip-version-check", "--retries", "2", "--require-hashes"]
    files = [f"--requirement={path}" for path in requirements]
    uv = VENV / "bin" / "uv"
    if f"uv {installer_version()}" not in (output(uv, "--version") or ""):
        call(*find_pip(), *options, f"--requirement={INSTALLER}", what="cannot download the installer")
    os.environ["UV_PYTHON_DOWNLOADS"] = "never"
    if "PIP_INDEX_URL" in os.environ:
        os.environ.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])
    if not works(uv, "pip", "install", "-q", "--python", PYTHON, "--require-hashes", *files):
        call(*find_pip(), *options, *files, what="cannot install the requirements")


def find_pip() -> "list[str]":
    inside = [str(PYTHON), "-m", "pip"]
    if works(*inside, "--version"):
        return inside
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if version_tuple(importlib.metadata.version("pip")) >= (22, 3):
            return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if not importlib.util.find_spec("ensurepip"):
        install_ensurepip()
    call(str(PYTHON), "-m", "ensurepip", what="cannot set up pip")
    return inside


def install_ensurepip() -> None:
    """Debian ships Python without it."""
    package = f"python3.{sys.version_info[1]}-venv"
    if not shutil.which("apt-get"):
        raise SetupError("this Python has neither pip nor ensurepip; install one, or set up an environment yourself")
    if os.geteuid() != 0:
        raise SetupError(f"this Python has neither pip nor ensurepip; run: sudo apt-get install {package}")
    if not works("apt-get", "install", "-y", "-q", package):
        works("apt-get", "update", "-q")
        call("apt-get", "install", "-y", "-q", package, what=f"apt-get install {package} failed")


def installer_version() -> str:
    return next(found[1] for found in map(pin, INSTALLER.read_text().splitlines()) if found)


def output(*command: object) -> "str | None":
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def works(*command: object) -> bool:
    return output(*command) is not None


def call(*command: str, what: str) -> None:
    """Raises ``SetupError`` with ``what`` failed and the line that says why."""
    environment = {**os.environ, "PIP_USER": "0"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    if done.returncode == 0:
        return
    if re.search("NewConnectionError|NameResolutionError|Timeout|ProxyError", done.stdout):
        raise SetupError(f"{what}: the package index cannot be reached; is there a network?")
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()] or ["no reason was given"]
    raise SetupError(f"{what}: {next((line for line in lines if 'ERROR' in line), lines[-1])[:300]}")


# Running


def run(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["test"]:
        from tests.__main__ import main as run_tests

        sys.exit(run_tests(arguments[1:]))
    if arguments[:1] == ["bench"]:
        from benchmarks.__main__ import main as run_benchmarks

        sys.exit(run_benchmarks(arguments[1:]))
    if arguments[:1] == ["mcp"]:
        from enhancelog.agents.cli import main as run_client

        sys.exit(run_client(arguments))
    from enhancelog.management.command_line import run as run_command

    sys.exit(run_command(arguments, program="manage.py"))


if __name__ == "__main__":
    main(sys.argv[1:])
