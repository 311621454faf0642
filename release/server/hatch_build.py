"""Hatchling's hooks for ``enhancelog-server``: its dependencies and its files, both from the root of the tree."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT: Final = Path(__file__).resolve().parents[2]
# Folder of the tree, and where the wheel has it. Templates and static files are not at the top of the package, where
# Django would take them for those of an app: see enhancelog/settings/installation.py.
FOLDERS: Final = {
    "enhancelog": "enhancelog",
    "content": "content",
    "templates": "enhancelog/web/templates",
    "static": "enhancelog/web/static",
}
COMPILED: Final = {".pyc", ".pyo"}


class ServerMetadata(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        version = metadata["version"]
        metadata["dependencies"] = [f"enhancelog=={version}", *_root_project()["dependency-groups"]["server"]]
        metadata["optional-dependencies"] = {"mcp": [f"enhancelog[mcp]=={version}"]}


class ServerFiles(BuildHookInterface[BuilderConfig]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        client = _root_project()["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
        for folder, target in FOLDERS.items():
            for path in _files(ROOT / folder):
                if not any(path.is_relative_to(ROOT / each) for each in client):
                    build_data["force_include"][str(path)] = f"{target}/{path.relative_to(ROOT / folder)}"


def _root_project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in COMPILED)
