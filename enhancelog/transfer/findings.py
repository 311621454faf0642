"""Keeps what an import refused, one JSON object per line."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Self

from enhancelog.domain import records
from enhancelog.transfer.importer import Conflicting, Dropped, Finding

MAX_RAW_CHARS: Final = 1 << 20

_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


class FindingsFile:
    """``<folder>/<UTC>-<source>.ndjson``, mode 0600, created with the first finding; ``path`` is ``None`` before."""

    def __init__(self, folder: Path, source: str) -> None:
        self.path: Path | None = None
        self._folder = folder
        self._source = _FILE_NAME.sub("_", source)[:80]
        self._file: IO[str] | None = None

    def add(self, *, where: str, field: str, rule: str, reason: str, raw: str) -> None:
        line: dict[str, str | int] = {"where": where, "field": field, "rule": rule, "reason": reason}
        line["raw"] = raw[:MAX_RAW_CHARS]
        if len(raw) > MAX_RAW_CHARS:
            line["raw_chars"] = len(raw)
        if self._file is None:
            self._file = self._made()
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _made(self) -> IO[str]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{self._source}"
        for number in range(1, 1000):
            path = self._folder / (f"{stem}.ndjson" if number == 1 else f"{stem}-{number}.ndjson")
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            self.path = path
            return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        raise FileExistsError(f"{self._folder}: too many files named {stem}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()


def as_line(finding: Finding) -> dict[str, str]:
    if isinstance(finding, Conflicting):
        differs = ", ".join(finding.differs)
        return {
            "where": finding.where,
            "field": differs,
            "rule": "conflict",
            "reason": f"{finding.entry.issue_id} is stored with different content; they differ in {differs}",
            "raw": records.encode(finding.entry).decode(),
        }
    reason = finding.reason
    if isinstance(finding, Dropped):
        name = reason.field.partition(".")[0]
        return {
            "where": finding.where,
            "field": reason.field,
            "rule": "dropped",
            "reason": f"{finding.entry.issue_id} is imported without {name}: {reason}",
            "raw": finding.raw,
        }
    return {
        "where": finding.where,
        "field": reason.field,
        "rule": reason.rule,
        "reason": str(reason),
        "raw": finding.raw,
    }
