"""Joining masked templates: what is one pattern, what stays apart, and that neither order nor newcomers part groups."""

import json
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.patterns import MOST_TEMPLATES, join, mask

DEMO = Path(__file__).parents[2] / "enhancelog/demo/enhance_log.db"
NAMES = ("critic", "writer", "linter", "scribe", "planner", "referee")


def together(*details: str) -> set[frozenset[int]]:
    """Which details are in one group, by their numbers."""
    templates = [mask(detail).template for detail in details]
    groups = join(list(dict.fromkeys(templates)))
    return {frozenset(nth for nth, template in enumerate(templates) if template in group.members) for group in groups}


ONE = [
    ("a word that varies", [f"the step {name} has no owner" for name in NAMES]),
    ("the same where a number makes a plural", ["1 token is over the budget", "2 tokens are over the budget"]),
    ("German plurals", ["1 Schritt ohne Ziel", "2 Schritte ohne Ziel"]),
    ("Russian plurals", ["1 ошибка в файле", "3 ошибки в файле", "7 ошибок в файле"]),
    ("kinds of values", ["value 5 is not allowed", "value 'x' is not allowed", "value /a/b is not allowed"]),
    ("a word beside an identifier", ["agent qa-lead-2 is not declared", "agent critic is not declared"]),
    ("two identifiers", ["agent qa_lead is not declared", "agent sec_review is not declared"]),
    ("lists of any length", ["steps a1, b2 have no owner", "steps critic have no owner", "steps critic, writer have no owner"]),
    ("names of several words", [f"owner {name} left the team" for name in ("Ann Lee", "Bo", "Cy van Dam", "Di Ng", "Ed")]),
    ("two words that vary", [f"edge from {a} to {b} leads nowhere" for a, b in pairwise(NAMES)]),
    ("three values by their form", ["agent a_b calls c.d before e_f", "agent g_h calls i.j before k_l"]),
    ("names that begin with an underscore", ["use of _a_b outside", "use of __init__ outside"]),
    ("advice that differs", ["function exec_all runs shell code. Use a list.", "function run_it runs shell code. Quote it."]),
    ("one name twice", ["the agent zeta may not call zeta again", "the agent iota may not call iota again"]),
    ("units of one quantity", ["it took 3 s", "it took 200 ms", "it took 1m30s"]),
    ("a type", ["/a: expected string, got null", "/a: expected array, got null", "/b: expected array, got number"]),
    ("free text after a colon", [f"the judge could not say: {text}" for text in (
        "this is odd", "I am not sure", "ask again", "what is this about", "none of it fits", "try it later")]),
    ("capitals", [f"the licence {name} is not on the list" for name in ("MIT", "ISC", "GPL-3.0")]),
    ("Korean particles", ["에이전트 'critic'이 없습니다", "에이전트 'writer'가 없습니다"]),
]  # fmt: skip

APART = [
    ("missing and unknown", ["the step 'a' is missing", "the step 'a' is unknown"]),
    ("six predicates", [f"the step 'a' is {word}" for word in
                        ("missing", "unknown", "disabled", "duplicated", "invalid", "unreachable")]),
    ("input and output", ["step 'a' has no input", "step 'a' has no output"]),
    ("too long and too short", ["line 3 is too long", "line 3 is too short"]),
    ("added and removed", ["package 'x' was added without review", "package 'x' was removed without review"]),
    ("a negation", ["agent 'a' may call tool 'b'", "agent 'a' may not call tool 'b'"]),
    ("must and may", ["key 'a' must be set", "key 'a' may be set"]),
    ("agent and step", ["agent 'a' is declared twice", "step 'a' is declared twice"]),
    ("parts of an agent", [f"agent prompt {rest}" for rest in ("is too long",)] + ["agent model is too long"]),
    ("prepositions", ["call from 'a' failed", "call to 'a' failed"]),
    ("above and below", ["score 0.3 is above 0.5", "score 0.3 is below 0.5"]),
    ("three names of no known form", [f"{name} never answers" for name in NAMES[:3]]),
    ("languages", ["unknown agent: critic", "unbekannter Agent: critic"]),
    ("quantities", ["limit is 5 %", "limit is 5 s", "limit is 5 MB", "limit is 5"]),
    ("compounds", ["the read-only field is set", "the write-only field is set"]),
    ("methods of requests", [f'10.0.0.1 "{method} /a/b HTTP/1.1" is slow' for method in ("GET", "POST", "DELETE")]),
    ("events of one thing", [f"[id: 3] VM {event} (Lifecycle Event)" for event in ("Started", "Stopped", "Paused", "Resumed")]),
    ("a form of a word", ["an error must not use an f-string literal", "an error must not use a string literal"]),
    ("topics of short texts", ["openStore set to 3", "tickTime set to 4"]),
    ("percentiles", ["p95 is 20 ms", "p99 is 20 ms"]),
    ("Japanese verbs", ["ステップ「a」は重複しています", "ステップ「a」は宣言されていません"]),
    ("Chinese limits", ["第 3 行过长", "第 3 行过短"]),
]  # fmt: skip


@pytest.mark.parametrize("details", [pytest.param(details, id=name) for name, details in ONE])
def test_one_pattern_whatever(details: list[str]):
    assert together(*details) == {frozenset(range(len(details)))}


@pytest.mark.parametrize("details", [pytest.param(details, id=name) for name, details in APART])
def test_apart_stay(details: list[str]):
    assert len(together(*details)) == len(details)


def test_a_group_is_led_by_the_first_and_keeps_the_order_given():
    templates = ["b has no owner", "the flow is empty", *(f"the step {name} has no owner" for name in NAMES)]
    groups = join(templates)
    assert [group.leader for group in groups] == templates[:3]
    assert groups[2].members == tuple(templates[2:])
    assert groups[2].template == "the step ⟨word⟩ has no owner"
    assert join([]) == []


def test_the_demo_log_has_these_patterns():
    denied: dict[str, list[str]] = {}
    with sqlite3.connect(f"file:{DEMO}?mode=ro", uri=True) as log:
        for (verdicts,) in log.execute("SELECT verdicts_json FROM enhance_log ORDER BY ts_ms"):
            for verdict in json.loads(verdicts):
                if verdict["status"] == "deny":
                    denied.setdefault(verdict["axis"], []).append(mask(verdict["detail"]).template)
    assert {axis: {group.template for group in join(list(dict.fromkeys(said)))} for axis, said in denied.items()} == {
        "agent-ref": {"unresolved step refs: ⟨names⟩"},
        "noop": {"patch is no-op (new_hash == prev_hash)"},
        "des": {"blueprint.id missing or not string"},
        "prompt-budget": {
            "prompt of ⟨name⟩ is ⟨n⟩ tokens, budget is ⟨n⟩",
            "all prompts together grew by ⟨n⟩ % (limit ⟨n⟩ %)",
        },
        "secrets": {
            "possible credential at ⟨path⟩ line ⟨n⟩ (fingerprint ⟨hex⟩)",
            "scanner gave no answer within ⟨n⟩s; denied to be safe (attempt ⟨n⟩)",
        },
        "tone": {
            "mixed languages in one prompt: ⟨names⟩",
            "the new text orders instead of asking: ⟨text⟩.",
        },
    }


WORDS = st.sampled_from(
    ["agent", "step", "is", "missing", "unknown", "critic", "writer", "linter", "scribe", "qa_lead", "x-y", "⟨id⟩", "⟨names⟩",
     "⟨name⟩", "⟨n⟩", "of", "to", ",", "and", ":", "MIT", "Ann", "%", "s", "語", "レビュー"]
)  # fmt: skip
TEMPLATES = st.lists(st.lists(WORDS, min_size=1, max_size=7).map(" ".join), max_size=40, unique=True)


def partition(templates: list[str]) -> set[frozenset[str]]:
    return {frozenset(group.members) for group in join(templates)}


@given(TEMPLATES, st.randoms())
def test_order_does_not_matter(templates, random):
    shuffled = list(templates)
    random.shuffle(shuffled)
    assert partition(templates) == partition(shuffled)


@given(TEMPLATES, st.data())
def test_more_templates_join_groups_and_never_part_one(templates, data):
    fewer = [template for template in templates if data.draw(st.booleans())]
    after = {member: group for group in partition(templates) for member in group}
    for group in partition(fewer):
        assert len({after[member] for member in group}) == 1


@given(st.lists(st.text(max_size=60), max_size=20, unique=True))
def test_any_texts_are_in_exactly_one_group(templates):
    members = [member for group in join(templates) for member in group.members]
    assert sorted(members) == sorted(templates)


@pytest.mark.parametrize(
    "templates",
    [
        [" ".join(f"w{(nth * place) % 97}" for place in range(1, 60)) for nth in range(MOST_TEMPLATES)],
        [f"agent {'ab'[nth % 2]}q {nth} agent {'cd'[nth // 2 % 2]}q" for nth in range(MOST_TEMPLATES)],
        [", ".join("abcdefgh"[: nth % 8 + 1]) + f" {nth}" for nth in range(MOST_TEMPLATES)],
    ],
)
def test_the_most_templates_are_joined_in_bounded_time(templates):
    assert sum(len(group.members) for group in join(list(dict.fromkeys(templates)))) == len(set(templates))


def test_a_join_that_rests_answers_the_same():
    rests = []
    templates = [f"the step {name} has no owner" for name in NAMES]
    assert join(templates, lambda: rests.append(1)) == join(templates)
    assert len(rests) > len(templates)
