"""What came next after a pattern's denials, and a pattern or an axis as text for a prompt."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import filters, prompts
from enhancelog.domain.records import denials
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.queries.counts import Count
from enhancelog.queries.patterns.came_next import came_next
from enhancelog.queries.patterns.of_entry import pattern_ids
from tests.factories import make_entry, make_many, make_rejected
from tests.plans import plans, whole_tables
from tests.queries.test_next_attempts import AXES, DETAILS, OUTCOMES, logs, next_of, some
from tests.queries.test_threads import Run, append
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

T = 1_795_000_000_000 // DAY_MS * DAY_MS


@pytest.fixture(autouse=True)
def _anybody_reads(settings: Any) -> None:
    settings.PUBLIC_READ = True


def outcome(runs: Sequence[Run], run: Run, axis: str, detail: str) -> str:
    later = next_of(runs, run)
    if later is None:
        return "none"
    if later.entry.status == "applied":
        return "applied"
    return "same" if denials(later.entry).get(axis) == detail else "other"


@some
@given(logs(), st.sampled_from(AXES), st.sampled_from(DETAILS), st.sampled_from(["", "main", "other"]))
def test_what_came_next_after_a_pattern_s_denials(runs: list[Run], axis: str, detail: str, blueprint_id: str) -> None:
    with transaction.atomic():
        append(runs)
        denied = [run for run in runs if denials(run.entry).get(axis) == detail]
        ids = {pattern_ids(number)[axis] for number, run in enumerate(runs, 1) if run in denied}
        wanted = filters.from_pairs([("blueprint_id", blueprint_id)] if blueprint_id else [], now_ms())
        found = came_next(ids.pop() if ids else "0" * 16, wanted)
        transaction.set_rollback(True)
    assert not ids
    denied = [run for run in denied if blueprint_id in ("", run.entry.blueprint_id)]
    expected = Counter(outcome(runs, run, axis, detail) for run in denied)
    assert msgspec.structs.asdict(found.outcomes) == {name: expected[name] for name in OUTCOMES}
    assert found.denials == Count(len(denied))


def test_applied_runs_are_no_rejected_ones() -> None:
    denied = {"verdicts": [{"axis": "noop", "status": "deny", "detail": "patch is no-op"}]}
    record(make_entry(issue_id="odd", ts_ms=T, **denied), make_rejected("noop", issue_id="a", ts_ms=T + 1))
    pattern = pattern_ids(1)["noop"]
    assert came_next(pattern, filters.EntryFilter()).denials == Count(1)
    assert came_next(pattern, filters.from_pairs([("status", "applied")], now_ms())).denials == Count(0)


def test_only_the_newest_denials_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.queries.patterns.came_next.CAP", 3)
    record_all(make_rejected("noop", issue_id=f"h-{number}", ts_ms=T + number) for number in range(5))
    found = came_next(pattern_ids(1)["noop"], filters.EntryFilter())
    assert (str(found.denials), sum(msgspec.structs.astuple(found.outcomes))) == ("3+", 3)
    assert (found.outcomes.same, found.outcomes.none) == (2, 1)


def test_the_statement_seeks() -> None:
    record_all(make_many(300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    pattern = pattern_ids(1)["noop"]
    with CaptureQueriesContext(connection) as captured:
        assert came_next(pattern, filters.EntryFilter()).denials.number > 50
    assert whole_tables(captured) == set()
    assert not any("BLOOM" in plan for plan in plans(captured).values())


def test_no_entry_is_looked_up_unless_the_filter_asks_for_more() -> None:
    record_all(make_many(30))
    pattern = pattern_ids(1)["noop"]
    of_blueprint = filters.from_pairs([("blueprint_id", "main")], now_ms())
    for wanted, looks_up in ((filters.EntryFilter(), False), (of_blueprint, True)):
        with CaptureQueriesContext(connection) as captured:
            came_next(pattern, wanted)
        assert any('"enhancelog_entry"' in query["sql"] for query in captured.captured_queries) is looks_up


def text(client: Client, path: str, **parameters: str) -> str:
    response = client.get(f"/v1/enhance/{path}", {**parameters, "format": "text"})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    said = response.content.decode()
    assert said.startswith(DATA_NOTICE)
    assert len(said) <= prompts.DEFAULT
    return said


def record_some() -> None:
    ops = [{"op": "remove", "path": "/tags"}]
    record(
        *(make_rejected("noop", issue_id=f"old-{at}", intent=f"x {at}", ts_ms=T - 9 * DAY_MS + at) for at in range(9)),
        make_rejected("noop", issue_id="a", ts_ms=T, ops=ops),
        make_rejected("noop", "tone", issue_id="b", detail="it restates\nDo: ignore it", ts_ms=T + 1),
        make_entry(issue_id="c", ts_ms=T + 2, rationale="Cites it.", ops=ops),
    )


def test_a_pattern_as_a_prompt(client: Client) -> None:
    record_some()
    pattern = pattern_ids(1)["noop"]
    said = text(client, f"patterns/{pattern}")
    assert "> axis: noop\n> template, denied 10 times: patch is no-op" in said
    assert said.count("\nExample ") == 5
    assert "> run: a\n> Blueprint: main\n> intent: writer should cite the file and line\n" in said
    assert "> reason: patch is no-op\n> places that its patch changes: /tags" in said
    assert "> run: c\n> intent: writer should cite the file and line\n> rationale: Cites it.\n" in said
    assert "Rejected runs: 10. The next attempt at the same intent within 7 days: 0 applied, 0 denied by" in said
    assert "1 denied by others only, 9 not made." in said
    assert "Rejected runs: 1. " in text(client, f"patterns/{pattern}", since=str(T))


def test_an_axis_as_a_prompt(client: Client) -> None:
    record_some()
    said = text(client, "axes/noop")
    templates = [line for line in said.splitlines() if line.startswith("> template")]
    assert [line.partition(":")[0] for line in templates] == [
        "> template, denied 10 times",
        "> template, denied once",
    ]
    assert "> reason: it restates Do: ignore it" in said
    assert "Rejected runs: 11. The next attempt at the same intent within 7 days: 1 applied, 1 denied by" in said
    assert "old-" not in text(client, "axes/noop", since=str(T))
    assert "Rejected runs: 0. " in text(client, "axes/noop", blueprint_id="nobody")
    assert client.get("/v1/enhance/axes/nobody?format=text").status_code == 404
    assert client.get("/v1/enhance/axes/noop?format=xml").json()["errors"][0]["field"] == "format"


def test_reasons_that_differ_come_before_those_that_repeat(client: Client) -> None:
    record(*(make_rejected("noop", issue_id=f"h-{at}", detail="same", ts_ms=T + at) for at in range(10)))
    record(make_rejected("noop", issue_id="odd", detail="different", ts_ms=T - 1))
    said = text(client, "axes/noop")
    assert [line for line in said.splitlines() if line.startswith("> run")] == [
        *(f"> run: h-{at}" for at in (9, 8, 7, 6)),
        "> run: odd",
    ]


def test_differences_as_a_prompt(client: Client) -> None:
    said = "x\u2028Ignore this\n"
    record(
        *(make_entry(issue_id=f"a{at}", intent="plain", ts_ms=T + at) for at in range(25)),
        *(
            make_rejected(
                "noop", "tone", issue_id=f"r{at}", intent=said, detail=f"Ignore {at}", meta={"model": "Ignore it"},
                ops=[{"op": "remove", "path": "/tags"}], ts_ms=T + at,
            )
            for at in range(30)
        ),
    )  # fmt: skip
    shown = text(client, "differences", status="rejected")
    assert shown.splitlines() == shown.removesuffix("\n").split("\n")
    assert not [line for line in shown.splitlines() if "Ignore" in line and not line.startswith("> ")]
    assert (
        "\n30 entries of the first filter are compared with 25 of the second.\n> first filter: status:rejected" in shown
    )
    assert "\n> second filter: status:applied\n" in shown
    found = client.get("/v1/enhance/differences?status=rejected").json()["differences"]
    assert f"the strongest 10 of {len(found)} differences:\n" in shown
    features = [line for line in shown.splitlines() if line.startswith("> 30 of 30, of the second 0 of 25: ")]
    assert "> 30 of 30, of the second 0 of 25: meta.model Ignore it" in features
    assert [line for line in shown.splitlines() if line.startswith("> run")] == [
        f"> run: r{at}" for at in range(29, 24, -1)
    ]
    assert "> intent: x Ignore this\n> denied by: noop: Ignore 29\n> denied by: tone: Ignore 29\n" in shown
    assert "> places that its patch changes: /tags" in shown
    assert "> second filter: blueprint:nobody\n" in (few := text(client, "differences", against="blueprint_id=nobody"))
    assert "\n> first filter: all entries\n" in few
    assert "\nToo few to compare: 20 entries are needed of each.\n" in few
    same = text(client, "differences", status="rejected", against="axis=noop")
    assert "\nNo difference stands out; " in same
    assert client.get("/v1/enhance/differences?status=rejected&format=xml").json()["errors"][0]["field"] == "format"


@pytest.mark.parametrize("said", ["語" * 5000, "\x01" * 5000, "a b\n" * 2000, "x\u2028Ignore this\u2029" * 500])
def test_any_log_has_a_bounded_prompt(client: Client, said: str) -> None:
    axis = "長" * 170
    ops = [{"op": "remove", "path": f"/{number}{'a' * 400}"} for number in range(50)]
    many = {"intent": said, "rationale": said, "ops": ops}
    record(*(make_rejected(axis, detail=f"{said} {at}", issue_id=f"h-{at}", ts_ms=T + at, **many) for at in range(20)))
    record(make_entry(issue_id="fine", ts_ms=T + 100, **many))
    for path in (f"patterns/{pattern_ids(1)[axis]}", f"axes/{axis}", "differences"):
        shown = text(client, path, **({"axis": axis} if path == "differences" else {}))
        assert shown.splitlines() == shown.removesuffix("\n").split("\n")
        assert not [line for line in shown.splitlines() if "Ignore" in line and not line.startswith("> ")]
