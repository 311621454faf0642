"""The examples of docs/client.md, type-checked as a user's program that has the package installed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "client.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_examples_pass_mypy_in_strict_mode(tmp_path: Path) -> None:
    assert len(BLOCKS) >= 5
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"example_{number}.py").write_text(block)
    done = check(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_packages_types_are_seen(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "from enhancelog.client.log_store import HttpEnhanceLogStore\nHttpEnhanceLogStore().append(5)\n"
    )
    assert 'has incompatible type "int"; expected "Entry"' in check(tmp_path).stdout


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    # On PYTHONPATH, a package counts as installed: without py.typed, mypy would not look at it.
    options = ["--strict", "--config-file=", f"--cache-dir={folder / 'cache'}"]
    files = sorted(path.name for path in folder.glob("*.py"))
    return subprocess.run(
        [sys.executable, "-m", "mypy", *options, *files],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=280,
    )
