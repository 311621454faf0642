"""Unfinished runs as a function of issues, patches and answers: what fits is assigned, nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.unfinished import Derived, Issue, Said, Tried, Unfinished, derive

SPAWNER = 'dispatch failed: dispatcher error for ref \'patch-spawner\': blocked: {"raw":"","stderr":"x"}'
POINTER = "dispatch failed: dispatcher error for ref 'patch-applier': x: path not found at part 3: tools"
TIME_LIMIT = "dispatch failed: exceeded the 3s ceiling declared by enhance setting (ttl_secs)"
COMMITTER = "dispatch failed: dispatcher error for ref 'committer': x"


def logged(created_seq: int, ts_ms: int | None = None) -> Issue:
    time = 100 * created_seq if ts_ms is None else ts_ms
    return Issue(f"h-{created_seq}", "main", "", "applied", "", created_seq, True, time)


def issue(created_seq: int, detail: str = SPAWNER, **changes: Any) -> Issue:
    return Issue(f"h-{created_seq}", "main", "", "rejected", detail, created_seq, False, None)._replace(**changes)


def joined(created_seq: int, blueprint_id: str = "main") -> Tried:
    return tried(100 * created_seq, 10 * created_seq, fate="joined", blueprint_id=blueprint_id)


def tried(ts_ms: int, seq: int, **changes: Any) -> Tried:
    return Tried(seq, f"{seq:032x}" * 2, "main", ts_ms, seq, "missing")._replace(**changes)


def by_id(found: Derived) -> dict[str, Unfinished]:
    return {run.issue_id: run for run in found.runs}


def test_a_dead_run_lies_between_its_neighbours() -> None:
    runs = by_id(derive([logged(1), issue(2), issue(3), logged(4), issue(5)], [], []))
    assert {run: (found.not_before_ms, found.not_after_ms) for run, found in runs.items()} == {
        "h-2": (100, 400),
        "h-3": (100, 400),
        "h-5": (400, None),
    }
    assert {found.status for found in runs.values()} == {"died"}


def test_what_is_in_the_log_or_was_judged_is_finished() -> None:
    denied = issue(2, "verifier deny: noop: patch is no-op")
    applied = issue(3, status="applied", detail="a" * 64)
    assert derive([logged(1), denied, applied], [], []).runs == []


@pytest.mark.parametrize("status", ["pending", "inflight"])
def test_a_pending_run_has_no_cause(status: str) -> None:
    (run,) = derive([logged(1), issue(2, "", status=status)], [], []).runs
    assert (run.status, run.cause, run.reason, run.not_before_ms) == ("pending", None, "", 100)


def test_a_patch_gives_its_run_the_exact_time() -> None:
    (run,) = derive([logged(1), issue(2, COMMITTER), logged(3)], [joined(1), tried(217, 21), joined(3)], []).runs
    assert (run.issue_id, run.cause, run.ts_ms, run.patch) == ("h-2", "committer", 217, 21)
    assert (run.not_before_ms, run.not_after_ms) == (None, None)


def test_a_patch_that_two_runs_could_have_tried_is_assigned_to_none() -> None:
    issues = [logged(1), issue(2, COMMITTER), issue(3, TIME_LIMIT), logged(4)]
    found = derive(issues, [joined(1), tried(217, 21), joined(4)], [])
    assert found.unassigned_patches == 1
    assert [run.patch for run in found.runs] == [None, None]


def test_a_run_that_cannot_have_come_so_far_does_not_claim_a_patch() -> None:
    issues = [logged(1), issue(2, SPAWNER), issue(3, COMMITTER), issue(4, "", status="pending"), issue(5, POINTER)]
    runs = by_id(derive(issues, [joined(1), tried(217, 21)], []))
    assert {run for run, found in runs.items() if found.patch} == {"h-3"}


def test_a_patch_of_another_blueprint_is_not_this_runs() -> None:
    patches = [joined(1), tried(217, 21, blueprint_id="other"), joined(3)]
    found = derive([logged(1), issue(2, COMMITTER), logged(3)], patches, [])
    assert by_id(found)["h-2"].patch is None
    assert (len(found.runs), found.unassigned_patches) == (1, 0)


def test_a_patch_without_issue_is_a_run_once_a_later_one_of_its_blueprint_is_logged() -> None:
    assert derive([], [tried(217, 21)], []).runs == []
    assert derive([], [tried(217, 21), joined(3, "other")], []).runs == []
    (run,) = derive([], [tried(217, 21), joined(3)], []).runs
    assert (run.status, run.cause, run.ts_ms, run.patch) == ("died", "other", 217, 21)
    assert run.issue_id.startswith("run-217-")


def test_an_issue_that_has_the_id_of_such_a_run_stands_for_itself() -> None:
    patches = [tried(217, 21), joined(3)]
    (run,) = derive([], patches, []).runs
    found = derive([issue(1, issue_id=run.issue_id, blueprint_id="other")], patches, [])
    assert [run.blueprint_id for run in found.runs] == ["other"]


def test_an_ambiguous_patch_is_no_unfinished_run() -> None:
    assert derive([], [tried(217, 21, fate="ambiguous"), joined(3)], []).runs == []


def test_an_answer_belongs_to_the_only_run_that_it_fits() -> None:
    issues = [logged(1), issue(2, POINTER), issue(3, SPAWNER), logged(4)]
    answers = [Said(1, 15, "patch"), Said(2, 18, "failed")]
    runs = by_id(derive(issues, [joined(1), joined(4)], answers))
    assert (runs["h-2"].answer, runs["h-3"].answer) == (1, 2)


def test_answers_that_compete_are_assigned_to_none() -> None:
    issues = [logged(1), issue(2, POINTER), logged(3)]
    found = derive(issues, [joined(1), joined(3)], [Said(1, 15, "patch"), Said(2, 18, "patch")])
    assert [run.answer for run in found.runs] == [None]
    assert found.unassigned_answers == 2


def test_a_late_answer_is_not_the_next_runs() -> None:
    issues = [logged(1), issue(2, TIME_LIMIT), logged(3), logged(4)]
    found = derive(issues, [joined(1), joined(3), joined(4)], [Said(1, 35, "patch")])
    assert [run.answer for run in found.runs] == [None]
    assert found.unassigned_answers == 1


def test_a_failed_answer_is_no_pointers() -> None:
    found = derive([logged(1), issue(2, POINTER), logged(3)], [joined(1), joined(3)], [Said(1, 15, "failed")])
    assert found.unassigned_answers == 1


def test_another_output_store_that_began_anew_places_no_answer() -> None:
    patches = [joined(1), joined(3), tried(900, 12, fate="joined"), tried(950, 14, fate="joined")]
    found = derive([logged(1), issue(2, POINTER), logged(3)], patches, [Said(1, 13, "patch")])
    assert found.unassigned_answers == 1


issues = st.lists(
    st.builds(
        lambda seq, is_logged, detail, ts: logged(seq, ts) if is_logged else issue(seq, detail),
        st.integers(1, 30),
        st.booleans(),
        st.sampled_from([SPAWNER, POINTER, TIME_LIMIT, COMMITTER, "", "verifier deny: x"]),
        st.integers(0, 40),
    ),
    max_size=12,
    unique_by=lambda found: found.issue_id,
)
patches = st.lists(
    st.builds(
        lambda ts, seq, fate: tried(ts, seq, fate=fate),
        st.integers(0, 40),
        st.integers(1, 30),
        st.sampled_from(["joined", "ambiguous", "missing"]),
    ),
    max_size=8,
    unique_by=lambda patch: patch.position,
)
answers = st.lists(
    st.builds(Said, st.integers(1, 99), st.integers(1, 30), st.sampled_from(["failed", "patch", "text"])),
    max_size=6,
    unique_by=lambda answer: answer.position,
)


@given(issues, patches, answers, st.randoms())
def test_the_order_in_which_rows_are_read_does_not_matter(
    issues: list[Issue], patches: list[Tried], answers: list[Said], random: Any
) -> None:
    found = derive(issues, patches, answers)
    for rows in (issues, patches, answers):
        random.shuffle(rows)
    again = derive(issues, patches, answers)
    assert sorted(found.runs, key=repr) == sorted(again.runs, key=repr)
    assert found[1:] == again[1:]


@given(issues, patches, answers)
def test_each_patch_and_answer_is_at_most_one_runs(
    issues: list[Issue], patches: list[Tried], answers: list[Said]
) -> None:
    runs = derive(issues, patches, answers).runs
    for taken in ([run.patch for run in runs if run.patch], [run.answer for run in runs if run.answer]):
        assert len(taken) == len(set(taken))
    assert len({run.issue_id for run in runs}) == len(runs)
