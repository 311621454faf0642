"""The programs that check a configuration. Where CI runs, all of them must be there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import IN_CI

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
WHERE = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def tool(name: str) -> str:
    """Its path."""
    path = shutil.which(name, path=WHERE)
    if path is not None:
        return path
    if IN_CI:
        pytest.fail(f"no {name}", pytrace=False)
    pytest.skip(f"no {name}")


def accepts(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
