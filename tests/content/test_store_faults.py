"""What the database store does when processes race, and when the database does not answer."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from content.kinds import Key
from content.models import ContentItem, ContentRevision
from content.store import open_store
from enhancelog.domain.errors import Other
from tests.content.conftest import AGENT, InThreads

ROOT = Path(__file__).resolve().parent.parent.parent

INCREMENT = """
import sys, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from content.store import open_store
from enhancelog.domain.origin import Origin
store = open_store(Origin("command", "test", "command"))
for _ in range(int(sys.argv[2])):
    store.increment("S-1", "abort_respawn_count")
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_processes_incrementing_lose_nothing(monkeypatch: pytest.MonkeyPatch, with_heavy: bool):
    times = 1000 if with_heavy else 200
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    command = [sys.executable, "-c", INCREMENT, str(connection.settings_dict["NAME"]), str(times)]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    item = open_store(AGENT).read("S-1", "abort_respawn_count")
    assert item is not None
    assert (item.value, item.version) == (str(2 * times), 2 * times)
    assert ContentRevision.objects.count() == 2 * times


@pytest.mark.django_db(transaction=True)
def test_preloads_at_once_of_the_same_keys_leave_one_consistent_history(in_threads: InThreads):
    values = {Key(f"S-{n}", "story"): "text" for n in range(40)}
    in_threads(6, lambda: open_store(AGENT).preload(values, merge=True))
    assert ContentItem.objects.filter(version=1).count() == 40
    assert ContentRevision.objects.count() == 40


@pytest.mark.django_db
def test_every_change_leaves_a_revision_in_the_same_transaction(monkeypatch: pytest.MonkeyPatch):
    def fail(*args: Any, **kwargs: Any) -> None:
        from django.db import OperationalError

        raise OperationalError("disk full")

    store = open_store(AGENT)
    store.write("S-1", "story", "kept")
    store.write("S-1", "abort_respawn_count", "1")
    monkeypatch.setattr(ContentRevision.objects, "bulk_create", fail)
    for change in (
        lambda: store.write("S-1", "story", "lost"),
        lambda: store.write("S-2", "story", "lost"),
        lambda: store.delete("S-1", "story"),
        lambda: store.take("S-1", "story"),
        lambda: store.increment("S-1", "abort_respawn_count"),
        lambda: store.preload({Key("S-1", "story"): "lost"}, merge=True),
    ):
        with pytest.raises(Other, match="disk full"):
            change()
    assert store.raw_keys() == ["S-1:abort_respawn_count", "S-1"]
    assert set(ContentItem.objects.values_list("value", flat=True)) == {"1", "kept"}


@pytest.mark.django_db(transaction=True)
def test_a_database_without_the_tables_is_an_error_and_never_silence(monkeypatch: pytest.MonkeyPatch):
    store = open_store(AGENT)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE content_contentitem RENAME TO elsewhere")
    try:
        for act in (
            lambda: store.read("S-1", "story"),
            lambda: store.write("S-1", "story", "text"),
            lambda: store.delete("S-1", "story"),
            lambda: store.take("S-1", "story"),
            lambda: store.increment("S-1", "abort_respawn_count"),
            store.list_ids,
            store.raw_keys,
            lambda: store.preload({Key("S-1", "story"): "text"}),
        ):
            with pytest.raises(Other):
                act()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO content_contentitem")


@pytest.mark.django_db
def test_reading_one_key_is_one_query(django_assert_num_queries: Any):
    store = open_store(AGENT)
    store.write("S-1", "story", "text")
    with django_assert_num_queries(1):
        assert store.read("S-1", "story")
    with django_assert_num_queries(0):
        assert store.read("S:1", "story") is None


@pytest.mark.django_db
def test_a_counter_is_changed_by_one_statement_and_its_revision_follows(django_assert_num_queries: Any):
    store = open_store(AGENT)
    with django_assert_num_queries(5) as captured:  # savepoint, schema, change, revision, release
        store.increment("S-1", "abort_respawn_count")
    changes = [query["sql"].split()[0] for query in captured.captured_queries]
    assert changes.count("INSERT") == 2
    assert "ON CONFLICT" in captured.captured_queries[2]["sql"]
