#!/usr/bin/env python3
"""Builds a release into ``dist/``: the source, both wheels, an SBOM of the server and SHA256SUMS.

Refuses, in one line and with exit code 2, a tree with changes, and a version without a section in CHANGELOG.md
or without stored databases.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VERSION: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
# A heading, and what stands below it.
SECTION: Final = re.compile(r"^## (.+)\n((?:(?!## ).*\n?)*)", re.MULTILINE)

# The databases that ``release/store_database.py`` writes.
STORED: Final = (".sqlite3.xz", ".postgresql.sql.xz")

# The root component of the SBOM: the wheel's own pyproject.toml leaves its version to a hook.
COMPONENT: Final = """\
[project]
name = "enhancelog-server"
version = "{version}"
description = "A self-hosted dashboard for enhance history."
license = "MIT"
"""


class Refused(Exception):
    """Why there is no release, in one line."""


def main() -> int:
    try:
        version = ready_version(ROOT)
        make(ROOT, version)
    except Refused as reason:
        print(f"release/make.py: {reason}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as failed:
        print(f"release/make.py: this failed: {' '.join(map(str, failed.cmd))}", file=sys.stderr)
        return 2
    return 0


def ready_version(root: Path) -> str:
    """The version to release."""
    found = VERSION.search((root / "enhancelog" / "__init__.py").read_text())
    if not found:
        raise Refused("enhancelog/__init__.py does not say __version__")
    if changed := output("git", "status", "--porcelain", folder=root).splitlines():
        raise Refused(f"the tree has changes ({changed[0].strip()}); commit or remove them")
    refuse_unlisted(found[1], (root / "CHANGELOG.md").read_text())
    refuse_unstored(found[1], root / "tests" / "stored")
    if any((root / "dist").glob("*")):
        raise Refused("dist/ is not empty; remove what is there")
    return found[1]


def refuse_unlisted(version: str, changelog: str) -> None:
    """The newest section that lists changes must be the version's, with its date."""
    sections = [(heading, text) for heading, text in SECTION.findall(changelog) if text.strip()]
    heading = sections[0][0] if sections else ""
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading):
        wanted = f'"## {version} (YYYY-MM-DD)"'
        raise Refused(f'the newest section of CHANGELOG.md must be {wanted}, not "{heading}"')


def refuse_unstored(version: str, folder: Path) -> None:
    """Later releases are tested with the databases that this one has made."""
    missing = [ending for ending in STORED if not (folder / f"{version}{ending}").is_file()]
    if missing:
        name = f"tests/stored/{version}{missing[0]}"
        raise Refused(f"{name} is missing; run: python3 release/store_database.py, and commit what it writes")


def make(root: Path, version: str) -> None:
    os.environ["SOURCE_DATE_EPOCH"] = output("git", "log", "-1", "--format=%ct", folder=root).strip()
    dist = root / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        python = set_up(root, scratch / "environment")
        build(python, root, "--sdist", dist)
        source = unpack(dist / f"enhancelog-{version}.tar.gz", scratch / "source")
        # From the published source, so that nothing else of this machine gets in.
        build(python, source, "--wheel", dist)
        build(python, source / "release" / "server", "--wheel", dist)
        list_components(python, source, version, dist / f"enhancelog-server-{version}.cdx.json")
    write_sums(dist)
    print(*(f"dist/{path.name}" for path in sorted(dist.iterdir())), sep="\n")


def set_up(root: Path, folder: Path) -> Path:
    """The interpreter of an environment that has the pinned tools alone."""
    uv = shutil.which("uv", path=f"{root / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if not uv:
        raise Refused("needs uv; run: python3 manage.py test --set-up-only")
    python = folder / "bin" / "python"
    pins = root / "requirements-release.txt"
    run(uv, "venv", "--quiet", "--python", sys.executable, folder)
    run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", pins)
    return python


def build(python: Path, project: Path, kind: str, dist: Path) -> None:
    run(python, "-m", "build", "--no-isolation", kind, "--outdir", dist, project)


def unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as source:
        source.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def list_components(python: Path, source: Path, version: str, path: Path) -> None:
    component = source / "component.toml"
    component.write_text(COMPONENT.format(version=version))
    tool: list[str | Path] = [
        python,
        "-m",
        "cyclonedx_py",
        "requirements",
        "--pyproject",
        component,
        "--output-reproducible",
    ]
    run(*tool, "--output-format", "JSON", "--output-file", path, source / "requirements.txt")


def write_sums(dist: Path) -> None:
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(dist.iterdir())]
    (dist / "SHA256SUMS").write_text("".join(lines))


def run(*command: str | Path) -> None:
    """What it prints goes to standard error. Raises ``CalledProcessError``."""
    subprocess.run(command, check=True, stdout=sys.stderr)


def output(*command: str, folder: Path) -> str:
    return subprocess.run(command, check=True, cwd=folder, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
