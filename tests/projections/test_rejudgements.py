"""Candidates judged again: which runs are compared, what their axes said, whatever the order of arrival."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from enhancelog import projections
from enhancelog.domain.records import MAX_ENTRY_BYTES, Entry, from_values
from enhancelog.domain.same_candidates import EVIDENCE, LONGEST_OPS, MOST_AXES, operations_key
from enhancelog.domain.times import is_plausible, now_ms
from enhancelog.models import CandidateKey, Rejudgement
from enhancelog.projections import rejudgements
from enhancelog.store import host_derivation, observed
from enhancelog.store.database import stored_batches
from enhancelog.store.observed import Found as Told
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from enhancelog.transfer.items import Found
from enhancelog.transfer.sources import open_source
from tests.factories import make_fields, make_many
from tests.host.observed import patch_of
from tests.plans import plans, whole_tables
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

START_MS = 1_700_000_000_000
AXES = ("noop", "des", "tone")
OPS = (None, None, '[{"op":"remove","path":"/a"}]', '[{"path": "/a", "op": "remove"}]', '[{"op":"remove","path":"/b"}]')
few = examples(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
        verdicts = draw(st.dictionaries(st.sampled_from(AXES), st.sampled_from(["pass", "deny"]), max_size=3))
        changes: dict[str, Any] = {
            "prev_hash": draw(st.sampled_from("pq")),
            "blueprint_id": draw(st.sampled_from(["main", "main", "other"])),
            "rationale": draw(st.sampled_from(["because", "", "therefore"])),
            "intent": draw(st.sampled_from(["cite", "skip"])),
        }
        if "deny" not in verdicts.values():
            changes["new_hash"] = draw(st.sampled_from("npq"))
        if candidate := draw(st.sampled_from([None, None, "n", "m", "p"])):
            changes["candidate_hash"] = candidate
        if ops := draw(st.sampled_from(OPS)):
            changes["ops"] = json.loads(ops)
        if draw(st.integers(0, 9)) == 0:
            changes["ts_ms"] = -number
        told: Any = draw(st.none() | st.tuples(st.sampled_from("nmp"), st.sampled_from(OPS[2:])))
        found.append(run(number, verdicts, source=draw(st.sampled_from("aab")), told=told, **changes))
    return draw(st.permutations(found))


def keys(run: Run) -> dict[str, tuple[Any, ...]]:
    entry = run.entry
    where: tuple[Any, ...] = (entry.blueprint_id, run.source)
    found = {}
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


def strongest(one: Run, other: Run) -> str | None:
    """Kind of key that both have."""
    return next((kind for kind in EVIDENCE if kind in keys(one) and kind in keys(other)), None)


def said(run: Run) -> dict[str, str]:
    return {verdict.axis: verdict.status for verdict in reversed(run.entry.verdicts)}


def expected(log: Sequence[Run]) -> set[tuple[Any, ...]]:
    """(later, earlier, axis, evidence, before, after)."""
    timed = sorted((run for run in log if is_plausible(run.entry.ts_ms, now_ms())), key=lambda run: run.entry.ts_ms)
    found = set()
    for at, later in enumerate(timed):
        for evidence, key in keys(later).items():
            same = [run for run in timed[:at] if keys(run).get(evidence) == key]
            if not same or strongest(same[-1], later) != evidence:
                continue
            pair = later.entry.issue_id, same[-1].entry.issue_id
            for axis, before in said(same[-1]).items():
                is_suspect = (
                    before == "deny" and same[-1].entry.status == "rejected" and later.entry.status == "applied"
                )
                if axis in said(later) or is_suspect:
                    found.add((*pair, axis, evidence, before, said(later).get(axis, "absent")))
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
                    observed.keep(told.source, Told(patches=[patch]))
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


def test_a_patch_that_changes_nothing_is_not_the_candidate_that_made_the_document() -> None:
    made = run(1, {"noop": "pass"}, prev_hash="p", new_hash="n")
    nothing = run(2, {"noop": "deny"}, prev_hash="n", candidate_hash="n", rationale="another")
    append([made, nothing])
    assert stored() == set()


def test_candidates_that_are_known_to_differ_are_not_the_same_by_their_words() -> None:
    append([run(1, {"tone": "deny"}, candidate_hash="m"), run(2, {"tone": "pass"}, new_hash="n")])
    assert stored() == set()
    append([run(3, {"tone": "deny"})])
    assert stored() == {("h-3", "h-2", "tone", "words", "pass", "deny")}


def test_a_repetition_is_compared_with_its_neighbors_only_however_many_there_are() -> None:
    said = ("pass", "deny")
    record_all(run(number, {"tone": said[number % 2]}, candidate_hash="c").entry for number in range(2500))
    assert Rejudgement.objects.count() == Rejudgement.objects.filter(flips=True).count() == 2499
    record(run(9000, {"tone": "pass"}, candidate_hash="c", ts_ms=START_MS).entry, source="a")
    record(run(9001, {"tone": "pass"}, candidate_hash="c", ts_ms=START_MS + 7).entry)
    assert Rejudgement.objects.count() == 2500
    assert list(verify()) == []


def test_runs_that_very_many_axes_judged_are_not_compared() -> None:
    many = {f"axis-{number}": "pass" for number in range(MOST_AXES)}
    append([run(1, many, new_hash="n"), run(2, many | {"axis-0": "deny"}, candidate_hash="n")])
    assert Rejudgement.objects.count() == MOST_AXES
    too_many = many | {"one more": "deny"}
    append([run(3, too_many, candidate_hash="n", told=("n", OPS[2])), run(4, too_many, told=("n", OPS[2]))])
    assert Rejudgement.objects.count() == MOST_AXES
    assert set(CandidateKey.objects.values_list("entry__issue_id", flat=True)) == {"h-1", "h-2"}


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ('[{"op":"add","path":"/a","value":1}]', '[{"value":1.0,"path":"/a","op":"add"}]', True),
        ('[{"op":"add","path":"/a","value":1}]', '[{"op":"add","path":"/a","value":"1"}]', False),
        ('[{"op":"add","path":"/a","value":true}]', '[{"op":"add","path":"/a","value":1}]', False),
        ("[]", "[]", True),
        ("1" * 5000, "1" * 5000, False),
        ("[" * 50_000, "[" * 50_000, False),
        (f'["{"x" * LONGEST_OPS}"]', f'["{"x" * LONGEST_OPS}"]', False),
    ],
)
def test_operations_are_compared_as_json(one: str, other: str, is_same: bool) -> None:
    found = [operations_key("main", "api", "p", ops) for ops in (one, other)]
    assert (found[0] is not None and found[0] == found[1]) == is_same


def test_an_append_looks_up_single_neighbors_however_long_the_log_is() -> None:
    record_all(make_many(300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        entries = [each for batch in stored_batches() for each in batch]
        with CaptureQueriesContext(connection) as captured:
            rejudgements.drop(cursor, entries[-2:])
            rejudgements.apply(cursor, entries[-2:])
            rejudgements.observe(cursor, [299, 300])
    assert whole_tables(captured) == set()
    assert not any("BLOOM" in plan for plan in plans(captured).values())


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda: Rejudgement.objects.update(after="deny"), "what axes said again"),
        (lambda: Rejudgement.objects.all().delete(), "what axes said again"),
        (lambda: CandidateKey.objects.filter(observed=True).update(key=7), "candidate's keys"),
        (lambda: CandidateKey.objects.filter(observed=False).update(key=7), "candidatekey"),
    ],
)
def test_verification_finds_what_is_wrong_and_a_rebuild_repairs_it(damage: Any, word: str) -> None:
    append([run(1, {"tone": "deny"}, told=("n", OPS[2])), run(2, {"tone": "pass"}, new_hash="n")])
    before = stored()
    assert before == {("h-2", "h-1", "tone", "hash", "deny", "pass")}
    damage()
    assert any(word in line for line in verify())
    rebuild_projections()
    assert stored() == before
    assert list(verify()) == []


@pytest.mark.parametrize(
    ("path", "flips"), [("tests/samples/synthetic.ndjson", 0), ("enhancelog/demo/enhance_log.db", 4)]
)
def test_the_samples(path: str, flips: int) -> None:
    with open_source(str(settings.BASE_DIR / path), MAX_ENTRY_BYTES, imported=True) as items:
        log = [Run(item.entry, "api") for item in items if isinstance(item, Found)]
    record_all(run.entry for run in log)
    assert stored() == expected(log)
    assert sum(before != after != "absent" for *_, before, after in stored()) == flips
