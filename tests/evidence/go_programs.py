"""Programs in Go, built with the golang.org/x/mod of Debian, which nobody here wrote."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.lacking import lack

PACKAGES: Final = "/usr/share/gocode"  # of Debian


def built(source: Path, folder: Path) -> Path:
    """The program, in ``folder``."""
    if not shutil.which("go") or not Path(PACKAGES, "src/golang.org/x/mod").is_dir():
        lack("Go and its x/mod (Debian: golang-go golang-golang-x-mod-dev)")
    # As before modules, so that nothing is downloaded
    settings = {"GO111MODULE": "off", "GOPATH": PACKAGES, "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    program = folder / source.parent.name
    command = ["go", "build", "-o", str(program), str(source)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return program
