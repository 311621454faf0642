"""``import_host``: a recorded host's stores, in any order, again, interrupted, and under two names."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, load_command_class
from pytest_django import Settings

from enhancelog.host import importing
from enhancelog.models import Entry, EntryPatch, HostIssue, Patch, UnfinishedRun, UnfinishedRunChange
from enhancelog.queries.observed import summary
from enhancelog.store import host_derivation, observed
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.factories import make_fields
from tests.host.observed import read_tables
from tests.processes import RECORDED_HOST

pytestmark = pytest.mark.django_db

LATE_ANSWER = 761  # stands inside the next run's rows
TIME_LIMIT = "h-7a491b13-3f0d-47b0-98cb-bc9f229e164d"


@pytest.fixture(autouse=True)
def own_data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def run(*arguments: str, source: str = "host") -> str:
    """Its standard output."""
    output = StringIO()
    call_command("import_host", *arguments, "--source", source, stdout=output, stderr=StringIO())
    return output.getvalue()


def stored(name: str) -> str:
    return str(RECORDED_HOST / name)


PARTS = {
    "log": ["--log", stored("enhance_log.db")],
    "issues": ["--issues", stored("issue.db")],
    "settings": ["--settings", stored("setting.db")],
    "git": ["--git", stored("git.tar.gz")],
    "outputs": ["--outputs", stored("output.db")],
}


def test_every_recorded_patch_is_joined_and_every_dead_run_is_told_by_cause() -> None:
    said = run(str(RECORDED_HOST))
    for line in (
        "settings: read 1 row, 3 new settings\n",
        "150 patches: 150 joined, 0 ambiguous, 0 without an entry\n",
        "11 unfinished runs: 0 pending, 11 died (Spawner failed 6, ",
        "1 answer assigned to no unfinished run: ",
    ):
        assert line in said
    found = summary("host")
    assert (found.patches, found.joined, found.ambiguous, found.pending) == (150, 150, 0, 0)
    assert found.causes == {"spawner": 6, "pointer": 3, "time_limit": 1, "unknown_blueprint": 1}
    assert found.unassigned_patches == 0


def test_a_rebuild_says_what_it_derived_of_hosts_stores() -> None:
    run(str(RECORDED_HOST))
    output = StringIO()
    call_command("rebuild_projections", stdout=output, stderr=StringIO())
    said = "rebuilt from 150 entries: 150 joined patches, 11 unfinished runs and 1,056 touched places\n"
    assert output.getvalue() == said


def test_help_lists_the_settings_store_among_the_stores() -> None:
    text = load_command_class("enhancelog", "import_host").create_parser("manage.py", "import_host").format_help()
    places = [text.index(f"  --{name} ") for name in ("issues", "settings", "git", "version")]
    assert places == sorted(places)


def test_a_joined_patch_has_the_key_of_its_entry() -> None:
    run(str(RECORDED_HOST))
    for joined in EntryPatch.objects.all():
        entry, patch = Entry.objects.get(position=joined.entry_id), Patch.objects.get(position=joined.patch_id)
        assert (entry.blueprint_id, entry.prev_hash, entry.ts_ms) == (patch.blueprint_id, patch.prev_hash, patch.ts_ms)
        assert entry.new_hash in ("", patch.candidate_hash)


def test_the_late_answer_is_assigned_to_no_neighbour() -> None:
    run(str(RECORDED_HOST))
    late = [row for row in read_tables()["answers"] if row[1] == LATE_ANSWER]
    assert len(late) == 1
    assert summary("host").unassigned_answers == 1
    assert UnfinishedRun.objects.get(issue_id=TIME_LIMIT).ops is None
    with_ops = UnfinishedRun.objects.exclude(ops=None)
    assert {run.cause for run in with_ops} == {"pointer"}
    assert all("/tools/0/name" in str(run.ops) for run in with_ops)


def test_a_dead_run_lies_between_its_neighbours_in_the_log() -> None:
    run(str(RECORDED_HOST))
    issues = list(HostIssue.objects.order_by("created_seq"))
    times = dict(Entry.objects.values_list("issue_id", "ts_ms"))
    for dead in UnfinishedRun.objects.all():
        at = next(number for number, issue in enumerate(issues) if issue.issue_id == dead.issue_id)
        before = [times[issue.issue_id] for issue in issues[:at] if issue.issue_id in times]
        after = [times[issue.issue_id] for issue in issues[at:] if issue.issue_id in times]
        assert (dead.not_before_ms, dead.not_after_ms) == (before[-1], after[0] if after else None)


@pytest.mark.parametrize(
    "order",
    [
        ["log", "issues", "settings", "git", "outputs"],
        ["issues", "outputs", "log", "git", "settings"],
        ["outputs", "log", "settings", "issues", "git"],
        ["git", "settings", "outputs", "issues", "log"],
    ],
)
def test_one_store_after_the_other_leaves_what_all_at_once_does(order: Sequence[str]) -> None:
    for name in order:
        run(*PARTS[name])
    apart = read_tables()
    flush()
    run(str(RECORDED_HOST))
    assert apart == read_tables()


def test_the_log_first_and_the_rest_later_leaves_what_all_at_once_does() -> None:
    call_command("import_log", stored("enhance_log.db"), "--source", "host", stdout=StringIO())
    run(*[argument for name, part in PARTS.items() if name != "log" for argument in part])
    apart = read_tables()
    flush()
    run(str(RECORDED_HOST))
    assert apart == read_tables()


def test_importing_again_changes_nothing() -> None:
    run(str(RECORDED_HOST))
    before = read_tables()
    said = run(str(RECORDED_HOST))
    assert "outputs: read 310 rows, nothing new" in said
    assert before == read_tables()
    assert list(verify()) == []


@pytest.mark.parametrize("committed", [0, 1, 3])
def test_an_interrupted_import_is_completed_by_the_next(monkeypatch: pytest.MonkeyPatch, committed: int) -> None:
    monkeypatch.setattr(importing, "BATCH_RECORDS", 40)
    keep, calls = observed.keep, iter(range(100))

    def interrupted(source: str, found: observed.Found) -> observed.Kept:
        if next(calls) == committed:
            raise KeyboardInterrupt
        return keep(source, found)

    with monkeypatch.context() as patch:
        patch.setattr(observed, "keep", interrupted)
        with pytest.raises(SystemExit) as stopped:
            run(str(RECORDED_HOST))
    assert stopped.value.code == 130
    run(str(RECORDED_HOST))
    apart = read_tables()
    flush()
    run(str(RECORDED_HOST))
    assert apart == read_tables()


def test_interrupted_derivation_is_completed_by_the_next_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_derivation, "PATCHES_AT_ONCE", 20)
    with monkeypatch.context() as patch:
        patch.setattr(host_derivation, "settle", lambda: [host_derivation.step() for _ in range(3)])
        run(str(RECORDED_HOST))
    assert 0 < EntryPatch.objects.count() < 150
    run(*PARTS["settings"])
    assert EntryPatch.objects.count() == 150
    assert list(verify()) == []


def test_a_rebuild_derives_the_same() -> None:
    run(str(RECORDED_HOST))
    before = read_tables()
    rebuild_projections()
    assert before == read_tables()
    assert list(verify()) == []


def test_two_names_of_one_host_are_two_sources() -> None:
    run(*PARTS["log"], source="followed")
    run(*PARTS["outputs"], *PARTS["issues"], source="a")
    run(*PARTS["outputs"], *PARTS["issues"], source="b")
    for source in ("a", "b"):
        assert summary(source)[:3] == (150, 150, 0)
        assert UnfinishedRun.objects.filter(source=source).count() == 11


def test_a_run_is_resolved_when_its_entry_comes_and_its_history_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    shutil.copyfile(RECORDED_HOST / "enhance_log.db", log)
    with closing(sqlite3.connect(log)) as connection, connection:
        row = connection.execute("SELECT * FROM enhance_log ORDER BY ts_ms LIMIT 1").fetchone()
        values = (TIME_LIMIT, *row[1:])
        connection.execute(f"INSERT INTO enhance_log VALUES ({', '.join('?' * len(values))})", values)
    run(str(RECORDED_HOST))
    run("--log", str(log))
    resolved = UnfinishedRun.objects.get(issue_id=TIME_LIMIT)
    assert resolved.status == "resolved"
    states = UnfinishedRunChange.objects.filter(run=resolved).order_by("id").values_list("status", flat=True)
    assert list(states) == ["died", "resolved"]
    assert UnfinishedRun.objects.exclude(status="resolved").count() == 10


def test_the_hosts_files_are_only_read(tmp_path: Path) -> None:
    folder = tmp_path / "host"
    shutil.copytree(RECORDED_HOST, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(str(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_wrong_path_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        run(*PARTS["log"], "--outputs", stored("issue.db"))
    assert refused.value.returncode == 2
    assert "outputs" in str(refused.value)
    assert Entry.objects.count() == 0


def test_without_a_path_there_is_one_line() -> None:
    with pytest.raises(CommandError, match="at least one path"):
        run()


def test_what_cannot_be_read_is_quarantined_and_the_rest_imported(tmp_path: Path) -> None:
    outputs = tmp_path / "output.db"
    shutil.copyfile(RECORDED_HOST / "output.db", outputs)
    with closing(sqlite3.connect(outputs)) as connection, connection:
        connection.execute("UPDATE outputs SET event_json = '{' WHERE seq = 2")
    with pytest.raises(SystemExit) as ended:
        run(*PARTS["log"], "--outputs", str(outputs))
    assert ended.value.code == 1
    (quarantined,) = (tmp_path / "data" / "quarantine").iterdir()
    assert '"where": "outputs, row ' in quarantined.read_text()
    assert summary("host")[:3] == (149, 149, 0)


def test_a_log_keeps_an_entry_whose_meta_is_odd_as_import_log_does(tmp_path: Path) -> None:
    log = tmp_path / "log.ndjson"
    log.write_text(json.dumps(make_fields(issue_id="odd", meta=[])))
    with pytest.raises(SystemExit) as ended:
        run("--log", str(log))
    assert ended.value.code == 1
    assert Entry.objects.get().meta is None
    (quarantined,) = (tmp_path / "data" / "quarantine").iterdir()
    assert '"rule": "dropped"' in quarantined.read_text()


def flush() -> None:
    """An empty database."""
    from django.db import connection

    from tests.conftest import entries_unprotected

    with entries_unprotected(), connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
            if table.startswith("enhancelog_"):
                cursor.execute(f"DELETE FROM {table}")
        from enhancelog.backends import dialect

        dialect().search.clear(cursor)
