"""The demo: its newest entry is from yesterday, and everything else keeps its place in time."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.maintenance import prepare
from enhancelog.models import Entry
from enhancelog.store import verification

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recorded() -> dict[str, int]:
    with closing(sqlite3.connect(f"{prepare.DEMO_LOG.as_uri()}?mode=ro", uri=True)) as log:
        return dict(log.execute("SELECT issue_id, ts_ms FROM enhance_log"))


@pytest.fixture(autouse=True)
def data_dir(settings: object, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def loaded() -> dict[str, int]:
    return dict(Entry.objects.values_list("issue_id", "ts_ms"))


def test_the_demo_ends_yesterday_and_is_shifted_by_whole_days(
    recorded: dict[str, int], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = now_ms()
    monkeypatch.setattr(prepare, "now_ms", lambda: now)
    prepare.load_demo()
    shifts = {ts_ms - recorded[issue_id] for issue_id, ts_ms in loaded().items()}
    (shift,) = shifts
    assert shift % DAY_MS == 0
    assert max(loaded().values()) // DAY_MS == now // DAY_MS - 1
    assert len(loaded()) == len(recorded)
    assert list(verification.verify()) == []
    assert [path.name for path in data_dir.iterdir()] == ["demo.loaded"]


def test_a_later_start_and_one_after_an_interruption_keep_the_times(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.load_demo()
    first = loaded()
    a_week_later = now_ms() + 7 * DAY_MS
    prepare.copy_demo_log(data_dir / "demo_log.db")  # what an interrupted load leaves behind
    (data_dir / "demo.loaded").unlink()
    monkeypatch.setattr(prepare, "now_ms", lambda: a_week_later)
    for _ in range(2):
        prepare.load_demo()
        assert loaded() == first
