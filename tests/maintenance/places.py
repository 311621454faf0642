"""Copies of the test's database, and empty places to restore them into."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from enhancelog.backends.copies import pointed_at
from enhancelog.domain import records
from tests.factories import make_entry
from tests.postgres import client_programs, fresh_database


def with_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "postgresql":
        monkeypatch.setenv("PATH", client_programs()["PATH"])


def fill(folder: Path, *ids: str) -> None:
    """Append an entry for each of these ids."""
    log = folder / "given.ndjson"
    log.write_bytes(b"\n".join(records.encode(make_entry(issue_id=one)) for one in ids))
    call_command("import_log", str(log), stdout=StringIO(), stderr=StringIO())


@contextmanager
def empty_place(folder: Path) -> Iterator[None]:
    """The default connection leads to where no database is yet."""
    if connection.vendor == "sqlite":
        place = folder / "empty place"
        place.mkdir(parents=True)
        with pointed_at(str(place / "log.sqlite3")):
            yield
        return
    with fresh_database() as url, pointed_at(str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])):
        yield


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output, stderr=output)
    return output.getvalue()
