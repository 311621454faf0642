"""What ``release/make.py`` refuses, and what it publishes."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release import store_database
from release.make import STORED, Refused, ready_version, refuse_unlisted
from tests import clone_files
from tests.lacking import lack
from tests.processes import ROOT

CHANGELOG = """# Changelog

## Unreleased

## 1.0.0 (2027-01-31)

- Something new.

## 0.9.0 (2026-12-24)

- Something old.
"""
MINUTES = 300


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """As far as the script looks before it builds: 1.0.0 is ready."""
    if not shutil.which("git"):
        lack("git")
    folder = tmp_path / "tree"
    (folder / "enhancelog").mkdir(parents=True)
    (folder / "enhancelog" / "__init__.py").write_text('"""Enhancelog."""\n\n__version__ = "1.0.0"\n')
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    (folder / ".gitignore").write_text("dist/\n")
    (folder / "tests" / "stored").mkdir(parents=True)
    for ending in STORED:
        (folder / "tests" / "stored" / f"1.0.0{ending}").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "1.0.0")
    return folder


def test_a_clean_tree_with_its_section_is_ready(tree: Path) -> None:
    assert ready_version(tree) == "1.0.0"


@pytest.mark.parametrize("path", ["CHANGELOG.md", "notes.txt"], ids=["changed", "untracked"])
def test_a_tree_with_changes_is_refused(tree: Path, path: str) -> None:
    with (tree / path).open("a") as file:
        file.write("more\n")
    with pytest.raises(Refused, match=f"the tree has changes .*{path}"):
        ready_version(tree)


def test_a_version_without_its_stored_databases_is_refused(tree: Path) -> None:
    git(tree, "mv", f"tests/stored/1.0.0{STORED[1]}", f"tests/stored/0.9.0{STORED[1]}")
    git(tree, "commit", "--quiet", "--message", "0.9.0")
    with pytest.raises(Refused, match=r"1\.0\.0\.postgresql\.sql\.xz is missing; run: python3 release/store_database"):
        ready_version(tree)
    assert STORED == (store_database.FILE, store_database.DUMP)


def test_earlier_files_are_not_published_again(tree: Path) -> None:
    (tree / "dist").mkdir()
    assert ready_version(tree) == "1.0.0"
    (tree / "dist" / "enhancelog-0.9.0.tar.gz").touch()
    with pytest.raises(Refused, match="dist/ is not empty"):
        ready_version(tree)


@pytest.mark.parametrize(
    ("version", "changelog"),
    [
        ("1.0.1", CHANGELOG),
        ("0.9.0", CHANGELOG),
        ("1.0.0", CHANGELOG.replace("(2027-01-31)", "")),
        ("1.0.0", CHANGELOG.replace("## Unreleased\n", "## Unreleased\n\n- Not said to be in 1.0.0.\n")),
        ("1.0.0", CHANGELOG.replace("- Something new.\n", "")),
        ("1.0.0", "# Changelog\n"),
    ],
    ids=["no section", "an older one", "no date", "changes left unreleased", "empty", "no sections"],
)
def test_a_version_without_its_section_is_refused(version: str, changelog: str) -> None:
    with pytest.raises(Refused, match=rf'must be "## {version} \(YYYY-MM-DD\)", not "'):
        refuse_unlisted(version, changelog)


def test_the_changelog_has_the_form_that_the_script_reads() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", heading) for heading in headings[1:])


def test_a_refusal_is_one_line_and_exit_code_2(tree: Path) -> None:
    (tree / "release").mkdir()
    shutil.copy(ROOT / "release" / "make.py", tree / "release")
    done = subprocess.run([sys.executable, "release/make.py"], cwd=tree, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "release/make.py: the tree has changes (?? release/); commit or remove them\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """This tree as 9.9.9, committed."""
    folder = tmp_path / "clone"
    for name in clone_files.listed():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    package = folder / "enhancelog" / "__init__.py"
    package.write_text(re.sub('__version__ = ".*"', '__version__ = "9.9.9"', package.read_text()))
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("## Unreleased\n", "## 9.9.9 (2027-01-31)\n\n- All.\n", 1))
    for ending in STORED:
        (folder / "tests" / "stored" / f"9.9.9{ending}").touch()
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "9.9.9")
    return folder


@pytest.mark.heavy
@pytest.mark.timeout(2 * MINUTES)
def test_a_release_has_source_wheels_components_and_sums(clone: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "uv").symlink_to(clone_files.uv())
    done = subprocess.run(
        [sys.executable, "release/make.py"], cwd=clone, capture_output=True, text=True, timeout=MINUTES, check=False
    )
    if "requirements-release.txt" in done.stderr.splitlines()[-1]:
        lack("the pinned tools for releases, from a package index")
    assert done.returncode == 0, done.stderr
    published = [f"enhancelog-{end}" for end in ("9.9.9-py3-none-any.whl", "9.9.9.tar.gz", "server-9.9.9.cdx.json")]
    published = sorted(["SHA256SUMS", *published, "enhancelog_server-9.9.9-py3-none-any.whl"])
    assert done.stdout.split() == [f"dist/{name}" for name in published]
    components = json.loads((clone / "dist" / "enhancelog-server-9.9.9.cdx.json").read_text())
    assert components["metadata"]["component"]["name"] == "enhancelog-server"
    assert components["metadata"]["component"]["version"] == "9.9.9"
    assert {"django", "granian", "msgspec"} <= {each["name"] for each in components["components"]}
    for line in (clone / "dist" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((clone / "dist" / name).read_bytes()).hexdigest() == digest
        published.remove(name)
    assert published == ["SHA256SUMS"]
