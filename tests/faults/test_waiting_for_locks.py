"""Commands wait for the append lock as long as it takes, and say so; appends of a server do not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from enhancelog.backends import dialect, waiting
from enhancelog.domain import records
from enhancelog.domain.errors import Other
from enhancelog.domain.origin import Origin
from enhancelog.store import open_store, writing
from enhancelog.store.database import last_position
from tests.factories import make_entry

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def somebody_appends(until: threading.Event) -> Iterator[None]:
    """Another thread holds the append lock until the event, or the end of the block."""
    held = threading.Event()

    def hold() -> None:
        try:
            with dialect().appending():
                held.set()
                until.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        yield
    finally:
        until.set()
        thread.join()


class Said(StringIO):
    """Standard error that ends the wait as soon as it is told of it."""

    def __init__(self, until: threading.Event) -> None:
        super().__init__()
        self.until = until

    def write(self, text: str) -> int:
        if "waiting for" in text:
            threading.Timer(0.5, self.until.set).start()  # longer than an append's patience below
        return super().write(text)


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "APPEND_PATIENCE_S", 0.2)
    monkeypatch.setattr(waiting, "NOTICE_AFTER_S", 0.3)


@pytest.mark.parametrize("command", ["import_log", "rebuild_projections", "verify_log", "migrate"])
def test_a_command_waits_for_the_append_lock_and_says_so(command: str, tmp_path: Path) -> None:
    (tmp_path / "log.ndjson").write_bytes(records.encode(make_entry(issue_id="waited")))
    until = threading.Event()
    said = Said(until)
    with somebody_appends(until):
        call_command(
            command,
            *([str(tmp_path / "log.ndjson")] if command == "import_log" else []),
            stdout=StringIO(),
            stderr=said,
        )
    assert said.getvalue().count("waiting for another process") == 1
    assert last_position() == (1 if command == "import_log" else 0)


def test_an_append_of_a_server_gives_up() -> None:
    with somebody_appends(threading.Event()), pytest.raises(Other):
        open_store(Origin("token", "agent", "api")).append(make_entry())
    assert last_position() == 0
