"""The deny patterns over HTTP: filters as everywhere, exact counts, what fills the holes, ids that were joined away."""

import itertools
import json
import re
import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.http import urlencode

from enhancelog.domain import features
from enhancelog.domain.filters import PARAMETERS
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import NEW
from enhancelog.domain.times import DAY_MS
from enhancelog.models import Template
from enhancelog.queries.patterns import counted, detail
from enhancelog.store import host_derivation, pattern_groups
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests import pattern_rules
from tests.factories import make_entry, make_rejected
from tests.plans import whole_tables
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

TODAY = NOW_MS // DAY_MS * DAY_MS


@pytest.fixture(autouse=True)
def plain_rules(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    pattern_rules.use(monkeypatch)


def record_some() -> None:
    said = [("noop", "size 1 of 2"), ("noop", "size 5 of 2"), ("noop", "tone a"), ("noop", "size 30 of 2")]
    record_all(
        make_rejected(axis, issue_id=f"h-{at}", detail=detail, blueprint_id=f"b{at % 2}", ts_ms=TODAY - at * DAY_MS)
        for at, (axis, detail) in enumerate(said)
    )
    record_all(
        [
            make_rejected("noop", "tone", issue_id="both", detail="tone a", ts_ms=NOW_MS * 3),
            make_entry(issue_id="odd", ts_ms=TODAY, verdicts=[{"axis": "noop", "status": "deny", "detail": "tone a"}]),
        ]
    )


def get(path: str = "", **parameters: Any) -> Any:
    response = Client().get(f"/v1/enhance/patterns{path}", parameters)
    return response.json() if response.status_code == 200 else response


def counts(**parameters: Any) -> dict[tuple[str, str], int]:
    return {(each["axis"], each["template"]): each["count"] for each in get(**parameters)}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long readings waited. The second time, what they wait for happens."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            pattern_groups.settle()

    monkeypatch.setattr("enhancelog.api.derivation.time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    return waited


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v1/enhance/patterns", {}),
        ("/v1/enhance/log", {"pattern": "0" * 16, "page_size": 1}),
        ("/v1/enhance/log", {"is": "new", "since": "2026-01-01", "page_size": 1}),
        ("/v1/enhance/log", {"not_is": "new", "since": "2026-01-01"}),
    ],
)
@pytest.mark.parametrize(("reader", "number"), [("writer", 2), ("other", 0), ("", 0)])
def test_who_brought_a_template_waits_until_it_is_grouped_and_all_hear_how_far_the_patterns_are(
    path: str, parameters: dict[str, Any], reader: str, number: int, waits: list[float], django_user_model: Any
) -> None:
    record_some()
    DatabaseEnhanceLogStore(Origin("user", "writer", "api")).append(make_rejected("noop", issue_id="n", detail="new"))
    client = Client()
    if reader:
        client.force_login(django_user_model.objects.create_user(reader))
    response = client.get(path, parameters)
    assert response.headers["Enhancelog-Derived-To"] == ("7" if number else "6")
    assert len(waits) == number


def test_nobody_waits_for_longer_than_two_seconds(monkeypatch: pytest.MonkeyPatch, django_user_model: Any) -> None:
    record_some()
    DatabaseEnhanceLogStore(Origin("user", "writer", "api")).append(make_rejected("noop", issue_id="n", detail="new"))
    clock = itertools.count(0, 0.5)
    monkeypatch.setattr(
        "enhancelog.api.derivation.time", SimpleNamespace(sleep=lambda s: None, monotonic=clock.__next__)
    )
    client = Client()
    client.force_login(django_user_model.objects.create_user("writer"))
    assert client.get("/v1/enhance/patterns").headers["Enhancelog-Derived-To"] == "6"
    assert next(clock) <= 3


@pytest.mark.parametrize("filter", ["touches=/x", "not_touches=/x", "has=patch", "not_has=patch", "has=flip"])
@pytest.mark.parametrize(("reader", "number"), [("writer", 2), ("other", 0), ("", 0)])
def test_a_writer_waits_until_what_a_patch_touches_is_derived_and_all_hear_how_far_it_is(
    filter: str, reader: str, number: int, monkeypatch: pytest.MonkeyPatch, django_user_model: Any
) -> None:
    record_some()
    own = make_entry(issue_id="n", ops=[{"op": "remove", "path": "/x"}])
    DatabaseEnhanceLogStore(Origin("user", "writer", "api")).append(own)
    steps = iter([lambda: None, host_derivation.settle])
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        next(steps)()

    clock = SimpleNamespace(sleep=sleep, monotonic=lambda: 0)
    monkeypatch.setattr("enhancelog.api.derivation.time", clock)
    client = Client()
    if reader:
        client.force_login(django_user_model.objects.create_user(reader))
    response = client.get(f"/v1/enhance/log?{filter}&page_size=9")
    assert response.headers["Enhancelog-Derived-To"] == ("7" if number else "6")
    assert len(slept) == number


@pytest.mark.parametrize(
    "path",
    [
        *("log?pattern=x&page_size=0", "log?pattern=x&order=up", "log?pattern=x&wait=9", "log?touches=x"),
        *(
            "log?has=patch&cursor=x",
            "log?pattern=x&axis=a&cursor={cursor}",
            "patterns?page_size=0",
            "patterns?status=x",
        ),
    ],
)
def test_nobody_waits_for_a_refusal(path: str, monkeypatch: pytest.MonkeyPatch, django_user_model: Any) -> None:
    record_some()
    link = Client().get("/v1/enhance/log?page_size=1").headers["Link"]
    cursor = re.search(r"cursor=([\w-]+)", link)
    own = make_rejected("noop", issue_id="n", detail="new", ops=[{"op": "remove", "path": "/x"}])
    DatabaseEnhanceLogStore(Origin("user", "writer", "api")).append(own)
    monkeypatch.setattr("enhancelog.api.derivation.time", None)
    client = Client()
    client.force_login(django_user_model.objects.create_user("writer"))
    assert client.get(f"/v1/enhance/{path.format(cursor=cursor and cursor[1])}").status_code == 400


def test_a_list_without_patterns_says_nothing_of_them() -> None:
    record_some()
    assert "Enhancelog-Derived-To" not in Client().get("/v1/enhance/log", {"page_size": 1}).headers


def test_every_pattern_with_its_count_times_and_blueprints() -> None:
    record_some()
    first, second, third = get()
    assert first == {
        "id": Template.objects.get(text="size ⟨n⟩ of ⟨n⟩").key,
        "axis": "noop",
        "template": "size ⟨n⟩ of ⟨n⟩",
        "count": 3,
        "first_ts_ms": TODAY - 3 * DAY_MS,
        "last_ts_ms": TODAY,
        "blueprints": {"b1": 2, "b0": 1},
        "state": msgspec.to_builtins(NEW),
    }
    assert (second["axis"], second["count"], second["last_ts_ms"]) == ("noop", 3, TODAY)
    assert second["blueprints"] == {"main": 2, "b0": 1}
    assert (third["axis"], third["first_ts_ms"], third["last_ts_ms"]) == ("tone", None, None)


@pytest.mark.parametrize("by", ["tallies", "rows"])
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"status": "rejected"}, {("noop", "size ⟨n⟩ of ⟨n⟩"): 3, ("noop", "tone a"): 2, ("tone", "tone a"): 1}),
        ({"blueprint_id": "b1"}, {("noop", "size ⟨n⟩ of ⟨n⟩"): 2}),
        ({"blueprint_id": ".."}, {}),
        ({"axis": "tone"}, {("tone", "tone a"): 1}),
        ({"axis": "noop", "blueprint_id": "b0"}, {("noop", "size ⟨n⟩ of ⟨n⟩"): 1, ("noop", "tone a"): 1}),
        ({"since": "2026-11-17", "until": "2026-11-18"}, {("noop", "size ⟨n⟩ of ⟨n⟩"): 1}),
    ],
)
def test_tallies_and_rows_count_the_same(
    by: str, parameters: dict[str, str], expected: dict[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_some()
    if by == "rows":
        monkeypatch.setattr(counted, "is_tallied", lambda wanted: False)
    if "since" in parameters:
        parameters = {"since": str(TODAY - DAY_MS), "until": str(TODAY)}
    assert counts(**parameters) == expected
    for each in get(**parameters):
        alone = get(f"/{each['id']}", **parameters)
        assert {name: alone[name] for name in each} == each


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"only": "tone"}, {}),
        ({"axes": "many"}, {("noop", "tone a"): 1, ("tone", "tone a"): 1}),
        ({"status": "applied"}, {("noop", "tone a"): 1}),
        ({"text": "size 30"}, {("noop", "size ⟨n⟩ of ⟨n⟩"): 1}),
        ({"not_blueprint_id": ["b0", "b1"]}, {("noop", "tone a"): 2, ("tone", "tone a"): 1}),
        ({"since": str(TODAY - 1), "until": str(TODAY + 1)}, {("noop", "size ⟨n⟩ of ⟨n⟩"): 1, ("noop", "tone a"): 1}),
        ({"pattern": "nonsense"}, {}),
    ],
)
def test_any_filter_of_the_log_counts_its_entries(parameters: dict[str, Any], expected: dict[Any, int]) -> None:
    record_some()
    assert counts(**parameters) == expected


def test_what_else_was_denied_with_a_pattern() -> None:
    record_some()
    key = Template.objects.get(axis="tone").key
    assert counts(pattern=key) == {("noop", "tone a"): 1, ("tone", "tone a"): 1}


def test_an_answer_of_the_newest_entries_alone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    assert "Enhancelog-Counted" not in Client().get("/v1/enhance/patterns", {"text": "e"})
    monkeypatch.setattr(counted, "SAMPLE", 2)
    monkeypatch.setattr("enhancelog.api.patterns.SAMPLE", 2)
    response = Client().get("/v1/enhance/patterns", {"text": "e"})
    assert response["Enhancelog-Counted"] == "newest 2"
    assert sum(each["count"] for each in response.json()) == 3  # the newest by time: one of two axes, and one of one
    assert "Enhancelog-Counted" not in Client().get("/v1/enhance/patterns")


def test_page_size_takes_the_most_frequent() -> None:
    record_some()
    assert [each["count"] for each in get(page_size=2)] == [3, 3]
    assert get(page_size=0).status_code == 400


def test_one_pattern_says_what_fills_its_holes_and_where_it_was() -> None:
    record_some()
    found = get(f"/{Template.objects.get(text='size ⟨n⟩ of ⟨n⟩').key}")
    one, two = found["holes"]
    assert (one["kind"], one["rule"], one["count"]) == ("n", "a number", 3)
    assert (one["values"], one["median"], one["least"], one["greatest"]) == ({"1": 1, "30": 1, "5": 1}, 5, 1, 30)
    assert (two["values"], two["others"]) == ({"2": 3}, 0)
    assert found["issue_ids"] == ["h-0", "h-1", "h-3"]
    assert found["next"] == {"applied": 0, "same": 1, "other": 0, "none": 2}


def test_issue_ids_end_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    monkeypatch.setattr(detail, "MOST_IDS", 2)
    assert get(f"/{Template.objects.get(text='size ⟨n⟩ of ⟨n⟩').key}")["issue_ids"] == ["h-0", "h-1"]


def test_a_joined_templates_id_is_answered_with_the_pattern() -> None:
    record_some()
    record_all(make_rejected("noop", issue_id=word, detail=f"tone {word}", ts_ms=TODAY) for word in "bc")
    leader = Template.objects.get(axis="noop", text="tone a")
    found = get(f"/{Template.objects.get(text='tone c').key}")
    assert (found["id"], found["template"], found["count"]) == (leader.key, "tone ⟨words⟩", 5)


def test_a_pattern_without_entries_in_the_filter_counts_nothing() -> None:
    record_some()
    found = get(f"/{Template.objects.get(axis='tone').key}", blueprint_id="nobody")
    assert (found["count"], found["blueprints"], found["first_ts_ms"], found["issue_ids"]) == (0, {}, None, [])


@pytest.mark.parametrize("pattern_id", ["0" * 16, "nonsense", "%00", "日本", "a" * 600])
def test_an_unknown_id_is_a_problem(pattern_id: str) -> None:
    record_some()
    response = Client().get(f"/v1/enhance/patterns/{pattern_id}")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_a_bad_parameter_is_named() -> None:
    for path in ("", f"/{'0' * 16}"):
        response = get(path, status="maybe")
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "status")


def test_an_entry_knows_its_patterns() -> None:
    record_some()
    keys = dict(Template.objects.filter(text="tone a").values_list("axis", "key"))
    response = Client().get("/v1/enhance/entries/both")
    assert response.json()["patterns"] == keys
    assert Client().get("/v1/enhance/entries/both", headers={"If-None-Match": response["ETag"]}).status_code == 304


def test_hostile_details_stay_text() -> None:
    hostile = '</script><img src=x onerror=alert(1)> "quoted" ⟨n⟩ \u202e'
    record_all([make_rejected("noop", issue_id="1", detail=hostile)])
    (found,) = get()
    assert json.loads(json.dumps(found))["count"] == 1
    assert get(f"/{found['id']}")["issue_ids"] == ["1"]


@pytest.mark.parametrize("parameters", [{}, {"blueprint_id": "b0"}, {"axis": "noop", "status": "rejected"}])
def test_no_statement_reads_a_whole_table_of_the_log(parameters: dict[str, str]) -> None:
    record_some()
    key = Template.objects.get(text="size ⟨n⟩ of ⟨n⟩").key
    for path in ("", f"/{key}"):
        with CaptureQueriesContext(connection) as queries:
            assert Client().get(f"/v1/enhance/patterns{path}?{urlencode(parameters)}").status_code == 200
        assert not {"entry", "denialpattern"} & whole_tables(queries)


def test_every_filter_is_taken() -> None:
    record_some()
    for name in PARAMETERS:
        value = {"period": "7d", "since": "7d", "until": "7d", "status": "rejected", "axes": "one"}
        base = name.removeprefix("not_")
        others = {
            "has": "badge",
            "afterwards": "none",
            "next": "none",
            "attempt": "later",
            "is": "new",
            "touches": "/a",
            "theme": "tone:1",
        }
        others |= dict.fromkeys(features.BUCKETS, "0-9")
        others |= {"op": "add", "bump": "major", "weekday": "mon", "matching": "status=rejected"}
        chosen = value.get(base, others.get(base, "a"))
        needed = {"since": "90d"} if base == "is" else {}
        assert isinstance(get(**{name: chosen, **needed}), list), name
