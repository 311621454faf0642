"""The filter ``meta.KEY=VALUE``: what it finds, by which index, and which keys and values are offered."""

import random
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import EARLIEST_MS
from enhancelog.models import MetaValue
from enhancelog.queries import entries as lists
from enhancelog.queries import facets as facet_queries
from enhancelog.queries import meta_values, phrases, prepared, reach
from enhancelog.queries.counts import Count, count
from enhancelog.queries.facets import facets
from tests.factories import make_entry, make_rejected
from tests.plans import plans, whole_tables
from tests.recording import record, record_all

pytestmark = pytest.mark.django_db

Pairs = list[tuple[str, str]]

MODELS = ["m-large", "m small", "日本 <b>", "x" * 3_000]
CHOICES: dict[str, list[Any]] = {
    "model": MODELS,
    "seed": [1, 1.0, "1", 2, True],
    "run.id": ["é", "", "a=b", '"', "\\", "-"],
}


def noted(number: int) -> list[dict[str, Any]]:
    chosen = random.Random(7)
    return [
        {key: chosen.choice(values) for key, values in CHOICES.items() if chosen.random() < 0.7} for _ in range(number)
    ]


def found(pairs: Pairs) -> list[str]:
    wanted = filters.from_pairs(pairs, 0)
    page = lists.page(wanted, "asc", 1000)
    assert count(wanted, page.up_to) == Count(len(page.rows))
    assert [row for chunk in lists.stream(wanted) for row in chunk] == list(page.rows)
    return [row[1] for row in page.rows]


def as_text(value: Any) -> str:
    """Numbers of ``CHOICES`` are whole."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(int(value))


@pytest.fixture
def log() -> list[dict[str, Any]]:
    metas = noted(120)
    record_all(
        make_rejected("noop" if at % 3 else "des", issue_id=f"{at:03}", ts_ms=EARLIEST_MS + at % 7, meta=meta)
        for at, meta in enumerate(metas)
    )
    return metas


@pytest.mark.parametrize("few", [0, 500])
@pytest.mark.parametrize("axis", ["", "noop"])
def test_a_filter_finds_what_plain_python_counts(
    log: list[dict[str, Any]], axis: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrases, "FEW", few)
    monkeypatch.setattr(prepared, "_kept", {})
    others: Pairs = [("axis", axis)] if axis else []
    of_axis = {f"{at:03}" for at in range(len(log)) if not axis or at % 3}
    for key, values in CHOICES.items():
        for text in {as_text(value) for value in values}:
            same = {f"{at:03}" for at, meta in enumerate(log) if key in meta and as_text(meta[key]) == text}
            assert set(found([(f"meta.{key}", text), *others])) == same & of_axis
            assert set(found([(f"not_meta.{key}", text), *others])) == of_axis - same


def test_one_key_is_either_value_and_two_keys_are_both(log: list[dict[str, Any]]) -> None:
    either = {f"{at:03}" for at, meta in enumerate(log) if meta.get("model") in MODELS[:2]}
    both = {f"{at:03}" for at, meta in enumerate(log) if meta.get("model") == MODELS[1] and meta.get("run.id") == "é"}
    assert set(found([("meta.model", MODELS[0]), ("meta.model", MODELS[1])])) == either
    assert set(found([("meta.model", MODELS[1]), ("meta.run.id", "é")])) == both != set()


@pytest.mark.parametrize("value", ["nobody", "\0", "x" * 2_999, "x" * 100_000, "1e999999999999999999999", "%", "'"])
def test_what_no_entry_has_is_not_found(log: list[dict[str, Any]], value: str) -> None:
    for key in ("model", "seed", "unknown"):
        assert found([(f"meta.{key}", value)]) == []
        assert len(found([(f"not_meta.{key}", value)])) == len(log)


@pytest.mark.parametrize("name", ["meta.", "not_meta.", "meta.a b", "meta.é", "meta.a\n", f"meta.{'x' * 65}"])
def test_a_key_that_cannot_be_is_refused_by_name(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        filters.from_pairs([(name, "x")], 0)
    assert (refusal.value.field, refusal.value.rule) == (name, "key")


def test_keys_are_told_apart_by_case_and_entries_without_meta_have_none() -> None:
    record(make_entry(issue_id="a", meta={"Model": "m"}), make_entry(issue_id="b"), make_entry(issue_id="c", meta={}))
    assert found([("meta.Model", "m")]) == ["a"]
    assert found([("meta.model", "m")]) == []
    assert found([("not_meta.Model", "m")]) == ["b", "c"]


def test_the_hash_of_a_candidate_can_be_asked_for() -> None:
    hashes: list[dict[str, str]] = [{"candidate_hash": "c"}, {"candidate_hash": ""}, {}]
    record(*(make_entry(issue_id=str(at), **given) for at, given in enumerate(hashes)))
    assert found([("has", "candidate")]) == ["0", "1"]
    assert found([("not_has", "candidate")]) == ["2"]


@pytest.mark.parametrize("others", [[], [("axis", "noop")], [("blueprint_id", "main")], [("status", "rejected")]])
@pytest.mark.parametrize("few", [0, 500])
def test_no_filter_reads_a_whole_table(
    log: list[dict[str, Any]], others: Pairs, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrases, "FEW", few)
    monkeypatch.setattr(prepared, "_kept", {})
    wanted = filters.from_pairs([("meta.model", "m-large"), ("not_meta.seed", "1"), *others], 0)
    with CaptureQueriesContext(connection) as captured:
        lists.page(wanted, "desc", 10)
        count(wanted, 120)
    assert "metavalue" not in whole_tables(captured)
    if few:
        assert not whole_tables(captured)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan says it the same way each time on SQLite alone")
def test_a_frequent_value_is_one_range_of_its_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "FEW", 0)
    record_all(make_entry(issue_id=str(at), ts_ms=EARLIEST_MS + at, meta={"model": "m"}) for at in range(20))
    wanted = filters.from_pairs([("meta.model", "m"), ("since", str(EARLIEST_MS + 3))], 0)
    with CaptureQueriesContext(connection) as captured:
        assert len(lists.page(wanted, "desc", 5).rows) == 5
    statement, plan = next((sql, plan) for sql, plan in plans(captured).items() if "rationale" in sql)
    assert plan.splitlines()[0].endswith("meta_value_ts (key=? AND value=? AND ts_ms>?)"), statement
    assert "TEMP B-TREE" not in plan


def test_beside_a_range_of_it_other_conditions_are_looked_at_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "FEW", 0)
    monkeypatch.setattr(reach, "MOST_ROWS", 3)
    record_all(make_rejected(issue_id=str(at), ts_ms=EARLIEST_MS + at, meta={"model": "m"}) for at in range(10))
    assert len(lists.page(filters.from_pairs([("meta.model", "m")], 0), "desc", 50).rows) == 10
    page = lists.page(filters.from_pairs([("meta.model", "m"), ("has", "ops")], 0), "desc", 50)
    assert (page.rows, page.stopped) == ([], True)


def test_facets_count_the_values_of_every_key(log: list[dict[str, Any]]) -> None:
    by = facets(filters.from_pairs([], 0), 120).by
    for key, values in CHOICES.items():
        counted = Counter(as_text(meta[key]) for meta in log if key in meta)
        del counted["x" * 3_000]  # too long to be offered
        assert {choice.value: choice.entries for choice in by[f"meta.{key}"]} == {
            text: Count(number) for text, number in counted.items()
        }
        assert {as_text(value) for value in values} >= counted.keys()


def test_facets_offer_a_bounded_number_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    record_all(make_entry(issue_id=str(at), meta={"run": str(at), "model": "m"}) for at in range(9))
    every = filters.from_pairs([], 0)
    assert not facets(every, 9).more_meta
    for limit, most in (("MOST_META", 10), ("MOST_META_CHOICES", 3)):
        with monkeypatch.context() as patch:
            patch.setattr(facet_queries, limit, most)
            for part, before, after in (("_SAMPLED_META", 20_001, 11), ("_BY_META", 2_000, 3)):
                sql = getattr(facet_queries, part).replace(f"LIMIT {before}", f"LIMIT {after}")
                patch.setattr(facet_queries, part, sql)
            some = facets(every, 9)
        assert some.more_meta
        assert sum(len(choices) for name, choices in some.by.items() if name.startswith("meta.")) == 3


def test_without_meta_the_facets_read_no_rows_of_it() -> None:
    record_all(make_entry(issue_id=str(at)) for at in range(3))
    with CaptureQueriesContext(connection) as captured:
        facets(filters.from_pairs([], 0), 3)
    assert not any("noted" in query["sql"] for query in captured.captured_queries)


def test_keys_and_values_are_found_by_their_beginning(log: list[dict[str, Any]]) -> None:
    assert meta_values.keys("") == ["model", "run.id", "seed"]
    assert meta_values.keys("s") == ["seed"]
    assert meta_values.values("model", "m") == ["m small", "m-large"]
    assert meta_values.values("model", "x") == meta_values.values("nobody", "") == meta_values.keys("\0") == []
    record_all(make_entry(issue_id=f"k{at}", meta={f"k{at:02}": "v"}) for at in range(20))
    assert meta_values.keys("k") == [f"k{at:02}" for at in range(meta_values.MOST)]
    with CaptureQueriesContext(connection) as captured:
        meta_values.keys("k")
        meta_values.values("model", "m")
    assert not whole_tables(captured)


def test_a_row_a_key_is_written_with_the_entry() -> None:
    record(make_entry(meta={f"k{at:02}": "v" for at in range(64)}))
    assert MetaValue.objects.count() == 64


def test_the_facet_of_a_text_that_spells_a_number_counts_what_its_filter_finds() -> None:
    record_all(make_rejected(issue_id=f"{at}", meta={"seed": seed}) for at, seed in enumerate(["1.0", 1, 1, "2"]))
    choices = facets(filters.from_pairs([], 0), 4).by["meta.seed"]
    assert {choice.value: choice.entries.number for choice in choices} == {"1.0": 3, "1": 2, "2": 1}
    for choice in choices:
        assert len(found([("meta.seed", choice.value)])) == choice.entries.number
