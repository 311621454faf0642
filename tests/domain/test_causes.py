"""Why a run was never finished: the recorded reasons, and others of the host's own words."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.causes import CAUSES, Cause, cause_of, failure, was_judged
from tests.processes import RECORDED_HOST

STORE = RECORDED_HOST / "issue.db"
FAILED = "dispatch failed: launch: flow eval: dispatcher error for ref '{0}': dispatcher error for ref '{0}': "
LUA = (
    FAILED
    + 'dispatch_attempt: dispatch failed: worker fn returned error: lua eval [x.lua]: runtime error: [string "x"]:7: '
)
SPAWNER = FAILED.format("patch-spawner") + "blocked: "


def test_recorded_reasons_have_these_causes() -> None:
    with closing(sqlite3.connect(f"file:{STORE}?mode=ro", uri=True)) as connection:
        reasons = [
            row[0] for row in connection.execute("SELECT status_detail FROM issues WHERE status_kind = 'rejected'")
        ]
    assert Counter(cause_of(reason) for reason in reasons if not was_judged(reason)) == {
        "spawner": 6,
        "pointer": 3,
        "time_limit": 1,
        "unknown_blueprint": 1,
    }
    assert sum(was_judged(reason) for reason in reasons) == 59


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (FAILED.format("patch-spawner") + 'blocked: {"raw":"","stderr":"refused"}', "spawner"),
        (FAILED.format("patch-spawner") + 'blocked: {"raw":"I would rather not","stderr":""}', "answer"),
        (LUA.format("patch-applier") + "path traverses non-table at part 2: x", "pointer"),
        (LUA.format("patch-applier") + "invalid JSON Pointer (must start with '/' or be empty): a", "pointer"),
        (LUA.format("patch-applier") + "unsupported RFC 6902 op: append", "answer"),
        (LUA.format("patch-applier") + "out of memory\nstack traceback:\n\tpath not found", "other"),
        (LUA.format("committer") + "committer: patch.rationale missing", "committer"),
        (LUA.format("committer") + "committer: ctx.verdicts must be an array (Fanout join=all output)", "no_verifiers"),
        ("dispatch failed: blueprint store: head ref empty: id=ghost", "unknown_blueprint"),
        ("dispatch failed: disk full", "other"),
        ("", "other"),
    ],
)
def test_a_reason_has_one_cause(reason: str, cause: Cause) -> None:
    assert cause_of(reason) == cause


@given(st.text() | st.text(alphabet="'{\"raw:blocked ref ").map(lambda text: text * 50))
def test_any_text_has_a_cause(reason: str) -> None:
    assert cause_of(reason) in CAUSES


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (FAILED.format("patch-spawner") + "blocked: no reply", "no reply"),
        (SPAWNER + '{"raw":"","stderr":"refused: \\"a\\u0000b\\"\\n"}', 'refused: "a\0b"'),
        (SPAWNER + '{"raw":"no \\"stderr\\":\\"x\\"","stderr":"y"}', 'no "stderr":"x"'),
        (SPAWNER + '{"raw":"cut off at the \\', "cut off at the"),
        (SPAWNER + '{"raw":"\\ud800","stderr":""}', "\\ud800"),
        (SPAWNER + '{"raw":"","stderr":""}', '{"raw":"","stderr":""}'),
        (LUA.format("patch-applier") + "path not found\nstack traceback:\n\t[C]: in ?", "path not found"),
        ("dispatch failed: blueprint store: gone", "blueprint store: gone"),
        ("out of memory", "out of memory"),
        ("", ""),
    ],
)
def test_what_failed_is_told_without_the_steps_that_led_there(reason: str, words: str) -> None:
    assert failure(reason) == words
