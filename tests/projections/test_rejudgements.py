"""Candidates judged again: which runs are compared, what their axes said, whatever the order of arrival."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from enhancelog import projections
from enhancelog.domain.records import Entry, from_values
from enhancelog.domain.same_candidates import EVIDENCE, MOST_AXES
from enhancelog.domain.times import is_plausible, now_ms
from enhancelog.models import CandidateKey, Rejudgement
from enhancelog.models import Entry as EntryRow
from enhancelog.projections import rejudgements
from enhancelog.store import host_derivation, observed
from enhancelog.store.database import rebuild_projections, stored_batches
from enhancelog.store.observed import Found
from enhancelog.store.verification import verify
from tests.factories import make_entry, make_fields, make_many
from tests.host.observed import patch_of
from tests.plans import plans, whole_tables
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

START_MS = 1_700_000_000_000
AXES = ("noop", "des", "tone")
OPS = (None, None, '[{"op":"remove","path":"/a"}]', '[{"path": "/a", "op": "remove"}]', '[{"op":"remove","path":"/b"}]')
few = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Run(NamedTuple):
    """``told``: candidate and operations of its patch in a host's store, if it has one."""

    entry: Entry
    source: str
    told: tuple[str, str] | None = None


def run(number: int, verdicts: dict[str, str], *, source: str = "a", told: Any = None, **changes: Any) -> Run:
    applied = "deny" not in verdicts.values()
    values: dict[str, Any] = {
        "issue_id": f"h-{number}",
        "ts_ms": START_MS + number,
        "status": "applied" if applied else "rejected",
        "new_hash": "n" if applied else "",
        "verdicts": [{"axis": axis, "status": said, "detail": ""} for axis, said in verdicts.items()],
        "reasons": [],
    }
    return Run(from_values(**make_fields(**values | changes)), source, told)


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    """In any order of arrival; no two at the same time, so that each patch has its run."""
    found = []
    for number in range(draw(st.integers(1, 10))):
        said = draw(st.dictionaries(st.sampled_from(AXES), st.sampled_from(["pass", "deny"]), max_size=3))
        changes: dict[str, Any] = {
            "prev_hash": draw(st.sampled_from("pq")),
            "blueprint_id": draw(st.sampled_from(["main", "main", "other"])),
            "rationale": draw(st.sampled_from(["because", "", "therefore"])),
            "intent": draw(st.sampled_from(["cite", "skip"])),
        }
        if "deny" not in said.values():
            changes["new_hash"] = draw(st.sampled_from("npq"))
        if candidate := draw(st.sampled_from([None, None, "n", "m", "p"])):
            changes["candidate_hash"] = candidate
        if ops := draw(st.sampled_from(OPS)):
            changes["ops"] = json.loads(ops)
        if draw(st.integers(0, 9)) == 0:
            changes["ts_ms"] = -number
        told = draw(st.none() | st.tuples(st.sampled_from("nmp"), st.sampled_from(OPS[2:])))
        found.append(run(number, said, source=draw(st.sampled_from("aab")), told=told, **changes))
    return draw(st.permutations(found))


def keys(run: Run) -> dict[str, tuple[Any, ...]]:
    entry, found = run.entry, {}
    where = entry.blueprint_id, run.source
    candidate = entry.candidate_hash if entry.candidate_hash is not UNSET else entry.new_hash or None
    ops = None if entry.ops is UNSET else json.loads(bytes(entry.ops))
    if run.told:
        candidate = run.told[0] if candidate is None else candidate
        ops = json.loads(run.told[1]) if ops is None else ops
    if candidate is not None and candidate != entry.prev_hash:
        found["hash"] = (*where, candidate)
    if ops is not None:
        found["operations"] = (*where, entry.prev_hash, ops)
    if entry.rationale:
        found["words"] = (*where, entry.prev_hash, entry.intent, entry.rationale)
    return found


def expected(log: Sequence[Run]) -> set[tuple[Any, ...]]:
    """(later, earlier, axis, evidence, before, after)."""
    timed = sorted((run for run in log if is_plausible(run.entry.ts_ms, now_ms())), key=lambda run: run.entry.ts_ms)
    found = set()
    for evidence in EVIDENCE:
        for at, later in enumerate(timed):
            same = [
                run for run in timed[:at] if evidence in keys(run) and keys(run)[evidence] == keys(later).get(evidence)
            ]
            if (
                not same
                or next(kind for kind in EVIDENCE if kind in keys(same[-1]) and kind in keys(later)) != evidence
            ):
                continue
            before, after = ({v.axis: v.status for v in each.entry.verdicts} for each in (same[-1], later))
            for axis, said in before.items():
                is_suspect = said == "deny" and later.entry.status == "applied"
                if axis in after or is_suspect:
                    pair = later.entry.issue_id, same[-1].entry.issue_id
                    found.add((*pair, axis, evidence, said, after.get(axis, "absent")))
    return found


def stored() -> set[tuple[Any, ...]]:
    rows = Rejudgement.objects.values_list(
        "entry__issue_id", "earlier__issue_id", "axis", "evidence", "before", "after", "flips", "suspect"
    )
    found = set()
    for *row, evidence, before, after, flips, suspect in rows:
        assert flips == (after not in ("absent", before))
        assert suspect or after != "absent"
        found.add((*row, EVIDENCE[evidence], before, after))
    return found


def append(log: Sequence[Run], patches_at: int = 0) -> None:
    """The patches arrive before the run of this number."""
    for number, each in enumerate([*log, None]):
        if number == min(patches_at, len(log)):
            for told in log:
                if told.told:
                    candidate, ops = told.told
                    patch = patch_of(told.entry, candidate_hash=candidate, ops=Raw(ops.encode()))
                    observed.keep(told.source, Found(patches=[patch]))
        if each:
            record(each.entry, source=each.source)
    host_derivation.settle()


@few
@given(runs(), st.integers(0, 10))
def test_it_is_what_a_plain_count_finds_in_any_order_and_after_a_rebuild(log: list[Run], patches_at: int) -> None:
    with transaction.atomic():
        append(log, patches_at)
        wanted = expected(log)
        assert stored() == wanted
        assert list(verify()) == []
        rebuild_projections()
        assert stored() == wanted
        transaction.set_rollback(True)


@few
@given(runs(), st.data())
def test_it_follows_whatever_is_dropped(log: list[Run], data: st.DataObject) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        append(log, len(log))
        entries = [each for batch in stored_batches() for each in batch]
        gone = data.draw(st.lists(st.sampled_from(entries), min_size=1, unique_by=lambda each: each.position))
        projections.drop(cursor, gone)
        left = {each.entry.issue_id for each in entries} - {each.entry.issue_id for each in gone}
        after = stored(), expected([run for run in log if run.entry.issue_id in left])
        transaction.set_rollback(True)
    assert after[0] == after[1]
