"""Filters for features of an entry, counted again in plain Python."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from msgspec import UNSET

from enhancelog.domain import features, filters
from enhancelog.domain.comparisons import complement
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry
from enhancelog.domain.times import is_plausible, now_ms
from enhancelog.queries.selection import select
from tests.factories import make_entry, make_rejected
from tests.queries.test_queries_agree import LOGS, QUICK
from tests.recording import record, record_all
from tests.strategies import NOW_MS

RANGES = st.one_of(
    st.integers(0, 30).map(str), st.integers(0, 200).map("{}-".format), st.integers(0, 40).map("0-{}".format)
)
FEATURES = st.one_of(
    st.tuples(st.sampled_from([*features.BUCKETS]), RANGES),
    st.tuples(st.just("op"), st.sampled_from(features.CHOICES["op"])),
    st.tuples(st.just("bump"), st.sampled_from(features.CHOICES["bump"])),
    st.tuples(st.just("weekday"), st.sampled_from(features.WEEKDAYS)),
    st.tuples(
        st.just("actor"),
        st.sampled_from(["command", "command:tests", "user", "command:other", "command:a:b", "", "\0"]),
    ),
    st.tuples(st.just("word"), st.sampled_from(["a", "A", "0", "日", "the", "prompt", "x" * 64])),
)


def holds(entry: Entry, name: str, value: str, actor: tuple[str, str]) -> bool:
    """What a filter means, said again in the plainest way."""
    operations = None if entry.ops is UNSET else json.loads(bytes(entry.ops))
    plausible = is_plausible(entry.ts_ms, now_ms())
    time = datetime.fromtimestamp(entry.ts_ms // 1000, UTC) if plausible else None
    match name:
        case "word":
            spaced = re.sub(r"[!-/:-@\[-`{-~\t-\r ]", " ", entry.intent[:500])
            fold = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
            return value.translate(fold) in spaced.translate(fold).split(" ")
        case "actor":
            return value in (actor[0], ":".join(actor))
        case "weekday":
            return time is not None and time.strftime("%a").lower() == value
        case "bump":
            return bool(entry.bump == value)
        case "op":
            return any(operation["op"] == value for operation in operations or ())
    numbers = {
        "intent_length": len(entry.intent),
        "rationale_length": len(entry.rationale),
        "patch_length": None if entry.ops is UNSET else len(bytes(entry.ops).decode()),
        "operations": None if operations is None else len(operations),
        "hour": None if time is None else time.hour,
    }
    low, dash, high = value.partition("-")
    number = numbers[name]
    return number is not None and int(low) <= number <= (int(high) if high else 10**9 if dash else int(low))


def found(*pairs: tuple[str, str]) -> set[str]:
    return set(select(filters.from_pairs(pairs, NOW_MS)).values_list("issue_id", flat=True))


@pytest.mark.django_db
class TestMeaning(TestCase):
    @QUICK
    @given(LOGS, FEATURES, FEATURES)
    def test_of_any_log(self, log, one, other):
        record_all(log)
        kind, name = select(filters.EntryFilter()).values_list("actor_kind", "actor_name").first() or ("", "")
        actor = (kind, name)
        ids = {entry.issue_id for entry in log}
        ours = {entry.issue_id for entry in log if holds(entry, one[0], one[1], actor)}
        others = {entry.issue_id for entry in log if holds(entry, other[0], other[1], actor)}
        assert found(one) == ours
        assert found((f"not_{one[0]}", one[1])) == ids - ours
        assert found(one, other) == (ours | others if one[0] == other[0] else ours & others)


@pytest.mark.django_db
def test_the_rest_of_a_filter() -> None:
    record(
        make_entry(issue_id="a", ts_ms=NOW_MS - 1),
        make_rejected("noop", issue_id="b", ts_ms=NOW_MS - 1),
        make_rejected("tone", issue_id="c", blueprint_id="other", ts_ms=NOW_MS - 1),
        make_entry(issue_id="d", verdicts=[], ts_ms=NOW_MS - 1),
    )
    everything = {"a", "b", "c", "d"}
    for pairs in (
        [("status", "rejected"), ("blueprint_id", "main")],
        [("without", "noop"), ("blueprint_id", "main")],
        [("without", "noop")],
        [("axis", "noop")],
        [("axis", "noop"), ("axis", "tone")],
        [("not_axis", "noop"), ("not_axis", "tone")],
        [("not_status", "applied")],
        [("status", "applied"), ("status", "rejected")],
        [("is", "new"), ("status", "rejected"), ("since", "7d")],
        [("next", "none"), ("axis", "noop")],
        [("has", "patch"), ("text", "a"), ("not_meta.seed", "1")],
        [("not_matching", "status=rejected")],
    ):
        rest = complement(pairs)
        assert found(*pairs).isdisjoint(found(*rest)), pairs
        assert found(*pairs) | found(*rest) == everything, pairs


@pytest.mark.parametrize(
    ("pairs", "rest"),
    [
        ([("status", "rejected")], [("status", "applied")]),
        ([("not_status", "rejected")], [("status", "rejected")]),
        ([("text", "a"), ("text", "b"), ("since", "7d")], [("not_text", "a"), ("not_text", "b"), ("since", "7d")]),
        ([("not_meta.a", "1")], [("meta.a", "1")]),
        ([("axis", "a"), ("only", "ü&")], [("not_matching", "axis=a&only=%C3%BC%26")]),
    ],
)
def test_the_rest_is_the_shortest_filter(pairs: list[tuple[str, str]], rest: list[tuple[str, str]]) -> None:
    assert complement(pairs) == rest


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rationale_length", "short"),
        ("rationale_length", "9-3"),
        ("hour", "-3"),
        ("operations", "1" * 10),
        ("word", "two words"),
        ("word", "a-b"),
        ("word", ""),
        ("word", "x" * 65),
        ("weekday", "monday"),
        ("op", "delete"),
        ("bump", ""),
        ("matching", ""),
        ("matching", "status"),
        ("matching", "status=odd"),
        ("matching", "since=7d"),
        ("matching", "matching=status%3Dapplied"),
        ("matching", "is=new"),
        ("matching", "a=%ff"),
    ],
)
def test_a_bad_value_is_refused(name: str, value: str) -> None:
    for given_name in (name, f"not_{name}"):
        with pytest.raises(Invalid) as refused:
            filters.parse({given_name: [value]}, NOW_MS)
        assert refused.value.field.removeprefix("not_") in (name, "is")


@pytest.mark.django_db
def test_words_end_at_separators_alone_and_only_the_case_of_ascii_letters_is_ignored() -> None:
    letters = "kKéÉſ\u212a日\xa0\u2028\x01\x1c\U0001f600"
    marks = [*features.SEPARATORS, " ", *letters]
    record_all(make_entry(issue_id=f"between {ord(mark)}", intent=f"{mark}Kit{mark}{mark}é") for mark in marks)
    record_all(make_entry(issue_id=f"alone {text}", intent=text) for text in ("kIT", "KİT", "kıt", "\u212ait", "É"))
    separated = {f"between {ord(mark)}" for mark in (*features.SEPARATORS, " ")}
    assert found(("word", "kit")) == separated | {"alone kIT"}
    assert found(("word", "\u212aIT")) == {"alone \u212ait"}
    assert found(("word", "é")) == separated
    assert found(("word", "É")) == {"alone É"}


def test_filters_inside_count_as_values() -> None:
    inside = "&".join(f"axis={number}" for number in range(60))
    filters.parse({"matching": [inside]}, NOW_MS)
    with pytest.raises(Invalid, match="too many values"):
        filters.parse({"matching": [inside], "not_matching": [inside]}, NOW_MS)


def test_buckets_are_filters_that_cover_all_numbers() -> None:
    for name in features.BUCKETS:
        for number in range(24) if name == "hour" else (0, 1, 39, 40, 119, 120, 2000, 10**7):
            low, high = features.range_of(features.bucket(name, number))
            assert low <= number
            assert high is None or number <= high
