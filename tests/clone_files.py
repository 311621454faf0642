"""The files of this clone, as far as they are, or will be, under version control."""

import shutil
import subprocess
import sys

from tests.lacking import lack
from tests.processes import ROOT


def listed(*folders: str) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        lack("a clone with git")
    return list(filter(None, done.stdout.split("\0")))


def uv() -> str:
    """The installer, from the environment of the tests or from elsewhere."""
    return shutil.which("uv", path=sys.prefix + "/bin") or shutil.which("uv") or lack("uv")
