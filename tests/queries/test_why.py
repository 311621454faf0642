"""``GET /v1/enhance/why``: grouped, bounded, quick, and right about what it leaves out."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.domain.times import now_ms
from enhancelog.patterns import pattern_id
from enhancelog.queries.why import LONGEST_POINTER, MOST_BYTES, MOST_OF_A_RUN, NEWEST, why
from enhancelog.store import host_derivation, observed, pattern_states
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.observed import Found
from tests.factories import make_entry, make_rejected
from tests.host.observed import patch_of

pytestmark = pytest.mark.django_db

DAY_MS = 86_400_000
T = 1_795_000_000_000
ACTOR = {"kind": "command", "name": "tests"}


@pytest.fixture(autouse=True)
def _anybody_reads(settings):
    settings.PUBLIC_READ = True


def stored(*entries: records.Entry) -> None:
    store = DatabaseEnhanceLogStore(Origin("command", "tests", "tests"))
    for start in range(0, len(entries), 1000):
        store.append_batch(entries[start : start + 1000])


def asked(client: Client, **parameters: str) -> Any:
    response = client.get("/v1/enhance/why", parameters)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert len(response.content) <= MOST_BYTES
    return json.loads(response.content)


@pytest.mark.parametrize("blueprint_id", ["unknown", "", "..", "a\0b", "x" * 3000, "日本"])
def test_a_blueprint_without_runs_has_an_empty_answer(client: Client, blueprint_id: str):
    answer = asked(client, blueprint_id=blueprint_id, intent="anything")
    assert answer == {
        "notice": DATA_NOTICE,
        "blueprint_id": (records.is_id(blueprint_id, may_be_empty=True) and blueprint_id) or answer["blueprint_id"],
        "runs": 0,
        "applied": 0,
        "rejected": 0,
        "denied": [],
        "groups_left_out": 0,
        "similar_applied": [],
    }


def test_a_missing_blueprint_id_is_named(client: Client):
    response = client.get("/v1/enhance/why?intent=x")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "blueprint_id"


def test_denials_are_grouped_by_axis_and_pattern(client: Client):
    stored(
        make_rejected("noop", issue_id="a", ts_ms=T + 1, detail="step 1 changes nothing"),
        make_rejected("noop", issue_id="b", ts_ms=T + 2, detail="step 2 changes nothing\nreally"),
        make_rejected("noop", "des", issue_id="c", ts_ms=T + 3, detail="step 2 is gone"),
        make_rejected("noop", issue_id="other", ts_ms=T + 9, blueprint_id="other"),
        make_entry(issue_id="d", ts_ms=T + 4),
    )
    answer = asked(client, blueprint_id="main")
    assert (answer["runs"], answer["applied"], answer["rejected"]) == (4, 1, 3)
    assert answer["denied"][0] == {
        "axis": "noop",
        "template": "step ⟨n⟩ changes nothing",
        "count": 2,
        "last_ts_ms": T + 2,
        "samples": [
            {
                "issue_id": "b",
                "reason": "step 2 changes nothing\nreally",
                "actor": ACTOR,
                "pointers": [],
                "found_wrong": False,
            },
            {"issue_id": "a", "reason": "step 1 changes nothing", "actor": ACTOR, "pointers": [], "found_wrong": False},
        ],
        "issue_ids": ["b", "a"],
        "patterns": [{"id": pattern_id("noop", "step ⟨n⟩ changes nothing"), "state": "new"}],
        "found_wrong": 0,
    }
    assert [(group["axis"], group["template"]) for group in answer["denied"][1:]] == [
        ("noop", "step ⟨n⟩ is gone"),
        ("des", "step ⟨n⟩ is gone"),
    ]


def test_what_the_team_decided_about_the_patterns_of_a_group(client: Client):
    stored(
        make_rejected("noop", issue_id="a", ts_ms=T + 1, detail="step 1 changes nothing"),
        make_rejected("des", issue_id="b", ts_ms=T + 2, detail="rude"),
    )
    ada = Origin("user", "ada", "page")
    noop, des = pattern_id("noop", "step ⟨n⟩ changes nothing"), pattern_id("des", "rude")
    pattern_states.change(noop, StateEdit(state="fixed", cause="prompt", note="> it\nwas me"), ada)
    later = now_ms() + 1_000
    stored(make_rejected("noop", issue_id="c", ts_ms=later, detail="step 2 changes nothing"))
    said = {group["axis"]: group["patterns"] for group in asked(client, blueprint_id="main")["denied"]}
    assert said == {
        "noop": [{"id": noop, "state": "fixed", "cause": "prompt", "note": "> it\nwas me", "returned": True}],
        "des": [{"id": des, "state": "new"}],
    }
    text = client.get("/v1/enhance/why", {"blueprint_id": "main", "format": "text"}).content.decode()
    assert "The team says: it is fixed. Since then it was denied again. What should change: the patch-writer's" in text
    assert "> note of the team: > it was me" in text
    assert text.count("The team says") == 1


def test_groups_whose_templates_differ_in_a_word_that_varies_are_one(client: Client):
    names = ("critic", "writer", "linter", "scribe")
    stored(
        *(
            make_rejected("owners", issue_id=name, ts_ms=T + nth, detail=f"the step {name} has no owner")
            for nth, name in enumerate(names)
        ),
        make_rejected("owners", issue_id="empty", ts_ms=T - 1, detail="the flow has no steps"),
    )
    first, second = asked(client, blueprint_id="main")["denied"]
    assert (first["template"], first["count"], first["last_ts_ms"]) == ("the step ⟨word⟩ has no owner", 4, T + 3)
    assert (first["issue_ids"], len(first["samples"])) == (["scribe", "linter", "writer"], 3)
    assert (second["template"], second["count"]) == ("the flow has no steps", 1)


def test_similar_intents_that_were_applied_come_most_similar_first(client: Client):
    stored(
        make_entry(issue_id="half", intent="cite the line", rationale="\nFirst.\nSecond."),
        make_entry(issue_id="same", intent="Cite the FILE!"),
        make_entry(issue_id="far", intent="write a poem about the sea"),
        make_rejected("noop", issue_id="denied", intent="cite the file"),
    )
    similar = asked(client, blueprint_id="main", intent="cite the file")["similar_applied"]
    assert [(run["issue_id"], run["similarity"]) for run in similar] == [("same", 1.0), ("half", 0.5)]
    assert similar[1]["rationale"] == "First."
    assert [run["actor"] for run in similar] == [ACTOR, ACTOR]
    assert asked(client, blueprint_id="main")["similar_applied"] == []
    assert asked(client, blueprint_id="main", intent="!?")["similar_applied"] == []


def test_only_the_newest_runs_with_a_plausible_time_are_looked_at(client: Client):
    stored(
        make_rejected("old", issue_id="old", ts_ms=T - DAY_MS),
        *(make_entry(issue_id=f"h-{number}", ts_ms=T + number) for number in range(NEWEST)),
        make_rejected("absurd", issue_id="far", ts_ms=2**63 - 1),
        make_rejected("absurd", issue_id="before", ts_ms=-1),
    )
    answer = asked(client, blueprint_id="main")
    assert (answer["runs"], answer["denied"]) == (NEWEST, [])


@pytest.mark.parametrize("text", ["語" * 5000, "\x01" * 5000, '"\\' * 3000, "a b\n" * 2000, "🦊" * 3000])
def test_any_log_has_an_answer_of_at_most_16_kb(client: Client, text: str):
    longest = "長" * 170
    entries = [
        make_rejected(
            f"{longest[:-2]}{number % 60}",
            issue_id=f"{longest[:-3]}{number}",
            blueprint_id=longest,
            detail=f"{chr(0x4E00 + number % 60)}{text}",
            intent=text,
            ts_ms=T + number,
        )
        for number in range(120)
    ]
    applied = [
        make_entry(issue_id=f"{longest[:-3]}{number}", blueprint_id=longest, intent=f"{text}", rationale=text)
        for number in range(200, 220)
    ]
    stored(*entries, *applied)
    answer = asked(client, blueprint_id=longest, intent=text[:300])
    assert 0 < len(answer["denied"]) <= 20
    assert len(answer["denied"]) + answer["groups_left_out"] == 60
    assert all(len(group["samples"]) <= 3 for group in answer["denied"])


def test_the_number_of_queries_is_fixed_and_an_index_serves_it():
    stored(*(make_rejected("noop", issue_id=f"h-{number}", ts_ms=T + number) for number in range(200)))
    with CaptureQueriesContext(
        connection,
    ) as few:
        why("unknown", "cite")
    with CaptureQueriesContext(connection) as many:
        assert why("main", "cite").runs == 200
    assert (len(few), len(many)) == (1, 5)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            plans = []
            for query in many.captured_queries:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                plans.append(" ".join(str(row) for row in cursor.fetchall()))
        assert "entry_blueprint_ts" in plans[0]
        assert "TEMP B-TREE" not in plans[0]
        assert "review_unique" in plans[1]
        assert "SCAN entry" not in plans[-1]
        assert "entry_patch_entry" in plans[-1]


def test_samples_of_one_group_name_who_recorded_each():
    for nth, kind in enumerate(("token", "user")):
        store = DatabaseEnhanceLogStore(Origin(kind, f"agent-{nth}", "api"))
        store.append(make_rejected("noop", issue_id=f"h-{nth}", detail=f"step {nth} is a no-op", ts_ms=T + nth))
    (group,) = why("main").denied
    assert [(sample.issue_id, sample.actor.kind, sample.actor.name) for sample in group.samples] == [
        ("h-1", "user", "agent-1"),
        ("h-0", "token", "agent-0"),
    ]


def test_a_reason_that_repeats_is_one_sample():
    stored(*(make_rejected("noop", issue_id=f"h-{n}", detail="no-op", ts_ms=T + n) for n in range(3)))
    (group,) = why("main").denied
    assert ([sample.reason for sample in group.samples], group.issue_ids) == (["no-op"], ["h-2", "h-1", "h-0"])


def test_it_needs_the_right_to_read(client: Client, settings):
    settings.PUBLIC_READ = False
    assert client.get("/v1/enhance/why?blueprint_id=main").status_code == 401
    assert client.post("/v1/enhance/why?blueprint_id=main").status_code in (401, 403, 405)


def test_of_a_run_with_many_denials_only_the_first_are_looked_at(client):
    said = [{"axis": f"a{number}", "status": "deny", "detail": "no"} for number in range(500)]
    stored(make_entry(issue_id="many", verdicts=said, status="rejected", new_hash=""))
    answer = asked(client, blueprint_id="main")
    assert len(answer["denied"]) + answer["groups_left_out"] == MOST_OF_A_RUN


def test_older_runs_are_left_out_when_the_newer_ones_say_very_much(client, monkeypatch):
    monkeypatch.setattr("enhancelog.queries.why.MOST_CHARACTERS", 1_000)
    long = [{"axis": "noop", "status": "deny", "detail": "x" * 600}]
    runs = [make_entry(issue_id=f"r{n}", verdicts=long, status="rejected", new_hash="", ts_ms=T + n) for n in range(5)]
    stored(*runs)
    assert asked(client, blueprint_id="main")["runs"] == 2


def removals(*paths: str) -> list[dict[str, str]]:
    return [{"op": "remove", "path": path} for path in paths]


def pointed(blueprint_id: str = "main") -> dict[str, list[str]]:
    return {sample.issue_id: sample.pointers for group in why(blueprint_id).denied for sample in group.samples}


def test_a_sample_has_the_pointers_of_the_patch_that_its_reason_names():
    detail = "credentials at /agents/1/prompt and /tags"
    stored(
        make_rejected("keys", issue_id="own", detail=detail, ops=removals("/tags", "/agents/1", "/agents/1/prompt")),
        make_rejected("noop", issue_id="none", detail="nothing changes", ops=removals("/tags")),
        make_rejected("tone", issue_id="unknown", detail="not at /tags"),
    )
    assert pointed() == {"own": ["/tags", "/agents/1/prompt"], "none": [], "unknown": []}


def test_what_was_moved_or_copied_from_there_counts_too():
    ops = [
        {"op": "move", "from": "/agents/1", "path": "/agents/0"},
        {"op": "copy", "from": "/tags", "path": "/labels"},
        {"op": "remove", "path": "/flow", "from": "/unused"},
    ]
    stored(make_rejected("keys", issue_id="moved", detail="not from /agents/1, /tags or /unused", ops=ops))
    assert pointed() == {"moved": ["/agents/1", "/tags"]}


def test_a_pointer_at_the_end_of_a_long_reason_is_found():
    stored(make_rejected("keys", issue_id="far", detail=f"{'x ' * 400} /tags", ops=removals("/tags")))
    assert pointed() == {"far": ["/tags"]}


def test_the_patch_can_be_the_one_in_the_store_of_a_host():
    entry = make_rejected("keys", issue_id="observed", detail="no credentials at /a, please")
    stored(entry)
    observed.keep("host", Found(patches=[patch_of(entry)]))
    host_derivation.settle()
    assert pointed() == {"observed": ["/a"]}


def test_pointers_are_few_and_short_and_those_of_a_very_long_patch_are_not_looked_for():
    few = [f"/{number}" for number in range(20)]
    long = "/" + "a" * LONGEST_POINTER
    huge = [{"op": "add", "path": "/a", "value": "x" * 100_000}]
    stored(
        make_rejected("keys", issue_id="many", detail=" ".join(few), ops=removals(*few)),
        make_rejected("size", issue_id="long", detail=f"{long} and {long[:-1]}", ops=removals(long, long[:-1])),
        make_rejected("tone", issue_id="huge", detail="at /a", ops=huge),
    )
    assert pointed() == {"many": few[:5], "long": [long[:-1]], "huge": []}
