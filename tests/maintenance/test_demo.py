"""The demo: its newest entry is from yesterday, and everything else keeps its place in time."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from enhancelog.domain.observed import Version as Recorded
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.host.git_versions import open_git
from enhancelog.maintenance import demo
from enhancelog.models import Entry, EntryPatch, Patch, UnfinishedRun, Version
from enhancelog.queries.observed import summary
from enhancelog.store import observed, verification
from tests.host.observed import read_tables

pytestmark = pytest.mark.django_db(transaction=True)


def times(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as log:
        return dict(log.execute("SELECT issue_id, ts_ms FROM enhance_log"))


@pytest.fixture
def recorded() -> dict[str, int]:
    return {issue_id: ts_ms for path in demo.LOGS.values() for issue_id, ts_ms in times(path).items()}


@pytest.fixture(autouse=True)
def data_dir(settings: object, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def loaded() -> dict[str, int]:
    return dict(Entry.objects.values_list("issue_id", "ts_ms"))


def everything() -> dict[str, object]:
    versions = Version.objects.order_by("position").values_list("blueprint_id", "number", "hash", "ts_ms")
    return {**read_tables(), "entries": loaded(), "times of versions": list(versions)}


def test_the_demo_ends_yesterday_and_is_shifted_by_whole_days(
    recorded: dict[str, int], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = now_ms()
    monkeypatch.setattr(demo, "now_ms", lambda: now)
    demo.load()
    shifts = {ts_ms - recorded[issue_id] for issue_id, ts_ms in loaded().items()}
    (shift,) = shifts
    assert shift % DAY_MS == 0
    assert max(loaded().values()) // DAY_MS == now // DAY_MS - 1
    assert len(loaded()) == len(recorded)
    assert list(verification.verify()) == []
    assert [path.name for path in data_dir.iterdir()] == ["demo.loaded"]


def test_the_demo_shows_every_patch_and_unfinished_run_of_the_host() -> None:
    demo.load()
    assert {row["source"] for row in Entry.objects.values("source").distinct()} == {"recorded", "host"}
    assert summary("host")[:3] == (150, 150, 0)
    assert UnfinishedRun.objects.filter(source="host").count() == 11
    assert not [run for run in UnfinishedRun.objects.all() if (run.not_after_ms or 0) > now_ms()]
    joined = dict(EntryPatch.objects.values_list("entry_id", "patch_id"))
    assert dict(Entry.objects.filter(position__in=joined).values_list("position", "ts_ms")) == {
        entry: Patch.objects.get(position=patch).ts_ms for entry, patch in joined.items()
    }


def test_versions_are_shifted_with_the_log_and_none_is_in_the_future(recorded: dict[str, int]) -> None:
    demo.load()
    (shift,) = {ts_ms - recorded[issue_id] for issue_id, ts_ms in loaded().items()}
    with open_git(demo.FOLDER / "host" / "git.tar.gz") as store:
        made = {(item.blueprint_id, item.number): item.ts_ms or 0 for item in store if isinstance(item, Recorded)}
    rows = Version.objects.values_list("blueprint_id", "number", "ts_ms")
    shown = {(blueprint_id, number): ts_ms for blueprint_id, number, ts_ms in rows}
    assert shown == {key: ts_ms + shift for key, ts_ms in made.items()} | {("main", 0): None}


def test_a_later_start_keeps_everything(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo.load()
    first = everything()
    a_week_later = now_ms() + 7 * DAY_MS
    monkeypatch.setattr(demo, "now_ms", lambda: a_week_later)
    demo.load()
    assert everything() == first
    (data_dir / "demo.loaded").unlink()
    demo.load()
    assert everything() == first


def test_a_start_after_an_interruption_continues_with_the_times_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    keep, batches = observed.keep, iter(range(100))

    def interrupted(source: str, found: observed.Found) -> observed.Kept:
        if next(batches) == 1:
            raise KeyboardInterrupt
        return keep(source, found)

    with monkeypatch.context() as patch:
        patch.setattr(observed, "keep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            demo.load()
    before = loaded()
    a_week_later = now_ms() + 7 * DAY_MS
    monkeypatch.setattr(demo, "now_ms", lambda: a_week_later)
    demo.load()
    assert loaded() == before
    assert summary("host")[:3] == (150, 150, 0)
