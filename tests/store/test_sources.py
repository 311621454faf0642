"""Sources that are renamed and merged: what follows is as if all had had that name from the start."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from enhancelog.domain.badges import described_badges
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.origin import Origin
from enhancelog.models import (
    Attempt,
    AuditRecord,
    AxisTally,
    CandidateKey,
    Entry,
    EntryBadge,
    EntryPatch,
    IntentTally,
    IntentTimeTally,
    Redaction,
    Rejudgement,
    SourceChange,
    UnfinishedRun,
)
from enhancelog.projections import source_names
from enhancelog.queries import entries, unfinished, unfinished_attempts
from enhancelog.queries.chains import gap
from enhancelog.queries.entries import Listed
from enhancelog.queries.threads import thread
from enhancelog.queries.unfinished import Wanted
from enhancelog.queries.version import log_version
from enhancelog.store import (
    host_derivation,
    host_verification,
    observed,
    redacting,
    source_derivation,
    sources,
)
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.observed import Found
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.sources import MergeNeeded, Rename
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.factories import make_entry, make_rejected
from tests.host.observed import make_issue, make_patch, report
from tests.queries.test_threads import START_MS, Run, logs
from tests.recording import record

pytestmark = pytest.mark.django_db

NOW: Final = 1_795_000_000_000
STAFF = Origin("user", "eva", "page")
BY_NAME: Final[tuple[Any, ...]] = (
    Attempt,
    AxisTally,
    CandidateKey,
    EntryBadge,
    IntentTally,
    IntentTimeTally,
    Rejudgement,
)


def rename(old: str, new: str, *, merges: bool = True) -> list[str]:
    renamed = sources.rename(Rename(old, new, "mistyped", merges), STAFF)
    source_names.forget()  # as the commit does
    return renamed


def restore(source: str, *, merges: bool = True) -> None:
    sources.restore(source, "was right", STAFF, merges=merges)
    source_names.forget()


def append(run: Run) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", run.source)).append(run.entry)


def derived() -> dict[str, set[Any]]:
    """All that follows from names."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT issue_id FROM {Entry._meta.db_table} WHERE {gap()}")
        gaps = set(cursor.fetchall())
    found: dict[str, set[Any]] = {"gaps": gaps}
    for table in BY_NAME:
        columns = [field.attname for field in table._meta.concrete_fields if field.attname not in ("id", "pk")]
        found[table.__name__] = set(table._default_manager.values_list(*columns))
    return found


@contextmanager
def forgotten() -> Iterator[None]:
    """What is appended and renamed inside is gone afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    source_names.forget()


class Step(NamedTuple):
    """``kind``: rename ("hots-a" becomes "host-a"), restore, follow (a step of the derivation) or redact."""

    kind: str
    run: int = 0


REDACT: Final = ["intent", "rationale", "ops"]
ORDERS: Final[dict[str, list[Step]]] = {
    "redacted, then renamed": [Step("redact", 1), Step("rename")],
    "renamed, then redacted and restored": [Step("rename"), Step("redact", 1), Step("restore"), Step("rename")],
    "redacted halfway through a rename": [Step("rename"), Step("follow"), Step("redact", 1), Step("redact", 5)],
    "redacted, renamed and redacted again": [Step("redact", 0), Step("rename"), Step("redact", 4)],
}


def tried(number: int, **changes: Any) -> Run:
    ops = [{"op": "replace", "path": "/x", "value": number // 2}]
    entry = make_rejected("leak", issue_id=f"h-{number}", ts_ms=START_MS + number * 60_000, ops=ops, **changes)
    return Run(entry, "host-a" if number % 2 else "hots-a")


# Two sources retry one intent; each judges again what the other judged.
RUNS: Final = [tried(number, rationale=f"For the {number // 2}.") for number in range(6)]


def take(step: Step) -> None:
    match step.kind:
        case "rename":
            rename("hots-a", "host-a")
        case "restore":
            restore("hots-a")
        case "follow":
            source_derivation.step()
        case _:
            redacting.redact(RUNS[step.run].entry.issue_id, REDACT, "a key in clear", STAFF)


@pytest.mark.parametrize("order", ORDERS)
def test_redactions_and_renames_in_any_order_are_as_if_all_had_had_one_name(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_derivation, "ENTRIES_AT_ONCE", 2)
    monkeypatch.setattr(source_derivation, "POSITIONS_AT_ONCE", 3)
    with forgotten():
        for run in RUNS:
            append(run._replace(source="host-a"))
        wanted = derived()
        assert wanted["Rejudgement"]
    for run in RUNS:
        append(run)
    for step in ORDERS[order]:
        take(step)
    host_derivation.settle()
    assert derived() == wanted
    assert list(verify()) == []
    rebuild_projections()
    assert derived() == wanted


def test_after_a_restore_a_redacted_entry_is_in_the_thread_of_its_own_source_again() -> None:
    for run in RUNS:
        append(run)
    wanted = derived()
    for step in (Step("rename"), Step("redact", 2), Step("restore")):
        take(step)
    host_derivation.settle()
    assert derived() == wanted
    assert list(verify()) == []


def test_a_redacted_entry_whose_kept_hashes_were_damaged_has_no_unfinished_runs_beside_it() -> None:
    append(RUNS[0])
    take(Step("redact", 0))
    assert beside(1) == []
    with entries_unprotected():
        Redaction.objects.update(kept="{")
    assert beside(1) == []


class Merged(TestCase):
    @settings(suppress_health_check=[HealthCheck.too_slow], max_examples=10)
    @given(logs(size=8), st.data())
    def test_a_merge_at_any_time_is_as_if_all_had_had_one_name(self, runs: list[Run], data: st.DataObject) -> None:
        runs = [run._replace(source=data.draw(st.sampled_from(["api", "hots-a", "host-a"]))) for run in runs]
        runs[0] = runs[0]._replace(source="hots-a")
        at = data.draw(st.integers(1, len(runs)))
        steps = data.draw(st.integers(0, 4))
        with forgotten(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(source_derivation, "ENTRIES_AT_ONCE", 2)
            patch.setattr(source_derivation, "POSITIONS_AT_ONCE", 3)
            for run in runs[:at]:
                append(run)
            rename("hots-a", "host-a")
            for _ in range(steps):
                source_derivation.step()
            for run in runs[at:]:  # before the derivation has come to the end
                append(run)
            with pytest.MonkeyPatch.context() as halfway:
                halfway.setattr(source_derivation, "settle", lambda: None)
                assert list(verify()) == []
            assert list(verify()) == []
            merged = derived()
            rebuild_projections()
            assert derived() == merged
        with forgotten():
            for run in runs:
                append(run._replace(source="host-a") if run.source == "hots-a" else run)
            assert derived() == merged


def names() -> dict[str, str]:
    with connection.cursor() as cursor:
        return dict(source_names.up_to(cursor, source_names.last_change(cursor)).by_source)


def listed_runs() -> list[Listed]:
    return [Listed(tuple(row)) for row in entries.page(EntryFilter(), "asc", 100).rows]


def unresolved() -> set[tuple[str, str]]:
    return {(run.issue_id, run.source) for run in unfinished.page(Wanted(), 100).runs}


def test_a_name_that_goes_round_in_a_circle_is_the_last_one() -> None:
    record(make_entry(), source="a")
    rename("a", "b")
    rename("b", "a")
    assert names() == {"a": "a"}
    host_derivation.settle()
    assert list(verify()) == []
    with pytest.raises(Invalid, match="no source"):
        rename("b", "c")


def test_renaming_a_name_renames_all_that_is_shown_under_it() -> None:
    record(make_entry(issue_id="h-1"), source="hots-a")
    record(make_entry(issue_id="h-2"), source="host-a")
    assert rename("hots-a", "host-a") == ["hots-a"]
    assert rename("host-a", "engine") == ["host-a", "hots-a"]
    assert names() == {"hots-a": "engine", "host-a": "engine"}
    with pytest.raises(Invalid, match='shown as "engine"'):
        rename("host-a", "x")
    restore("hots-a")
    assert names() == {"hots-a": "hots-a", "host-a": "engine"}
    with pytest.raises(Invalid, match="not shown under another name"):
        restore("hots-a")


@pytest.mark.parametrize(("recorded", "new"), [("gepa", "search"), ("openevolve", "host-a"), ("api", "our-ci")])
def test_what_only_some_sources_may_do_goes_by_the_recorded_name(recorded: str, new: str) -> None:
    for number, source in enumerate((recorded, recorded, "host", "host")):
        entry = make_entry(issue_id=f"r-{number}", prev_hash=f"v{number}", new_hash=f"w{number}", ts_ms=NOW + number)
        record(entry, source=source)
    before = derived()
    rename(recorded, new)
    rename("host", recorded)
    host_derivation.settle()
    after = derived()
    assert after["gaps"] == before["gaps"] > set()
    assert after["EntryBadge"] == before["EntryBadge"] > set()
    assert list(verify()) == []
    for each in listed_runs():
        shown = {badge.name for badge in described_badges(each.entry, each.recorded_ms, each.recorded_source)}
        assert shown == set(EntryBadge.objects.filter(entry_id=each.position).values_list("badge", flat=True))


def test_two_names_can_be_exchanged() -> None:
    for source in ("a", "b"):
        record(make_entry(issue_id=source), source=source)
    for old, new in (("a", "x"), ("b", "a"), ("x", "b")):
        rename(old, new)
    host_derivation.settle()
    assert names() == {"a": "b", "b": "a"}
    assert {run.issue_id: run.source for run in listed_runs()} == {"a": "b", "b": "a"}
    assert list(verify()) == []


def test_another_name_is_taken_over_only_if_that_is_wanted() -> None:
    for source in ("a", "b"):
        record(make_entry(issue_id=source), source=source)
    with pytest.raises(MergeNeeded):
        rename("a", "b", merges=False)
    rename("a", "c", merges=False)
    with pytest.raises(MergeNeeded):
        rename("b", "c", merges=False)
    assert names() == {"a": "c"}


@pytest.mark.parametrize("wanted", [Rename("a", "b", ""), Rename("a", "b", "w" * 1001), Rename("a", "b", "\0")])
def test_a_change_has_a_reason(wanted: Rename) -> None:
    record(make_entry(), source="a")
    with pytest.raises(Invalid):
        sources.rename(wanted, STAFF)
    assert not SourceChange.objects.exists()
    assert not AuditRecord.objects.exists()


def test_a_change_and_its_audit_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    record(make_entry(), source="a")
    monkeypatch.setattr("enhancelog.store.audit.record", lambda *given, **detail: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        sources.rename(Rename("a", "b", "mistyped"), STAFF)
    assert not SourceChange.objects.exists()


def keep(source: str, *issues: Any, patches: Any = ()) -> None:
    observed.keep(source, Found(issues=list(issues), patches=list(patches)))
    host_derivation.settle()


DIED: Final = "dispatch failed: dispatcher error for ref 'patch-spawner': gone"


def test_runs_that_a_host_said_of_under_two_names_are_one() -> None:
    record(make_entry(issue_id="h-1"), source="hots-a")
    keep("hots-a", make_issue(1, status="applied"), make_issue(2, status="pending"), make_issue(3, detail=DIED))
    keep("host-a", make_issue(1, status="applied"), make_issue(2, status="pending"), make_issue(3, detail=DIED))
    assert len(unresolved()) == 4
    rename("hots-a", "host-a")
    host_derivation.settle()
    assert unresolved() == {("h-2", "host-a"), ("h-3", "host-a")}
    assert list(verify()) == []
    keep("host-a", make_issue(2, detail=DIED))
    assert unresolved() == {("h-2", "host-a"), ("h-3", "host-a")}
    restore("hots-a")
    host_derivation.settle()
    assert unresolved() == {(f"h-{n}", source) for n in (2, 3) for source in ("host-a", "hots-a")}
    assert list(verify()) == []


def test_patches_are_joined_to_the_entries_of_their_source_by_its_name() -> None:
    patch = make_patch()
    entry = make_entry()
    record(entry, source="hots-a")
    record(make_entry(issue_id="other"), source="b")  # at the same moment, so that only the source tells them apart
    keep("host-a", patches=[patch])
    assert joined() == set()
    rename("hots-a", "host-a")
    host_derivation.settle()
    assert joined() == {entry.issue_id}
    assert list(verify()) == []
    rebuild_projections()
    assert joined() == {entry.issue_id}
    restore("hots-a")
    host_derivation.settle()
    assert joined() == set()


def test_joins_that_follow_only_a_part_of_the_names_are_not_called_wrong() -> None:
    record(make_entry(), source="hots-a")
    record(make_entry(issue_id="other"), source="b")
    keep("host-a", patches=[make_patch()])
    rename("hots-a", "host-a")
    with connection.cursor() as cursor:
        while source_names.progress(cursor).patches is None:
            source_derivation.step()
    patches, _, runs, *_ = host_verification.PARTS
    assert list(patches.findings(lambda done: None)) == [
        "a source was renamed while patches were verified; verify them again"
    ]
    assert list(runs.findings(lambda done: None)) == []
    host_derivation.settle()
    assert list(patches.findings(lambda done: None)) == []


def joined() -> set[str]:
    positions = EntryPatch.objects.values("entry_id")
    return set(Entry.objects.filter(position__in=positions).values_list("issue_id", flat=True))


def test_reported_runs_stand_among_the_attempts_of_their_source_by_its_name() -> None:
    record(make_rejected(issue_id="h-1"), source="host-a")
    start_ms = make_rejected().ts_ms
    report("reported", ts_ms=start_ms + 1, intent=make_rejected().intent, source="hots-a")
    assert beside(1) == []
    rename("hots-a", "host-a")
    host_derivation.settle()
    assert beside(1) == ["reported"]
    report("later", ts_ms=start_ms + 2, intent=make_rejected().intent, source="hots-a")
    assert beside(1) == ["reported", "later"]
    rebuild_projections()
    assert beside(1) == ["reported", "later"]


@pytest.mark.parametrize("is_resolved", [True, False])
def test_the_key_of_a_redacted_reported_run_stays_and_a_rebuild_gives_the_same(is_resolved: bool) -> None:
    report("h-0", intent=RUNS[0].entry.intent, source="hots-a")
    before = UnfinishedRun.objects.values_list("intent_key").get()
    append(RUNS[0])
    if is_resolved:
        host_derivation.settle()
    take(Step("redact", 0))
    rename("hots-a", "host-a")
    host_derivation.settle()
    assert UnfinishedRun.objects.values_list("intent_key", "status").get() == (*before, "resolved")
    rebuild_projections()
    assert UnfinishedRun.objects.values_list("intent_key", "status").get() == (*before, "resolved")


def beside(position: int) -> list[str]:
    found = thread(position)
    return [run.issue_id for run in unfinished_attempts.near(found).runs] if found else []


def test_a_change_of_another_process_is_noticed_by_the_next_page() -> None:
    record(make_entry(), source="a")
    log_version()
    assert source_names.current().shown("a") == "a"
    sources.rename(Rename("a", "b", "mistyped"), STAFF)  # without what its commit does in this process
    before = log_version()
    assert source_names.current().shown("a") == "b"
    host_derivation.settle()
    assert log_version() != before


def test_a_list_looks_the_names_up_once() -> None:
    record(*(make_entry(issue_id=f"h-{n}") for n in range(20)), source="a")
    rename("a", "b")
    with CaptureQueriesContext(connection) as queries:
        assert {each.source for each in listed_runs()} == {"b"}
        assert {each.source for each in listed_runs()} == {"b"}
    asked = [query["sql"] for query in queries if source_names.CHANGE in query["sql"]]
    assert len(asked) == 2, "the last change and the names"
