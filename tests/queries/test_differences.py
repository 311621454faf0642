"""What is different about a filter's entries: counted again in plain Python, on samples and any log."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis.extra.django import TestCase
from msgspec import UNSET

from enhancelog.domain import features, filters, records
from enhancelog.domain.comparisons import Pair, complement
from enhancelog.domain.differences import Feature
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.records import Entry
from enhancelog.domain.times import is_plausible, now_ms
from enhancelog.maintenance import demo
from enhancelog.models import Entry as Row
from enhancelog.models import EntryPatch, Patch
from enhancelog.queries import differences as log
from enhancelog.queries import reach
from enhancelog.queries.selection import select
from enhancelog.transfer.items import Found
from enhancelog.transfer.sources import open_source
from tests.factories import make_entry, make_rejected
from tests.plans import whole_tables
from tests.projections.test_intents import attempted
from tests.queries.test_next_attempts import logs
from tests.queries.test_queries_agree import LOGS, QUICK
from tests.queries.test_threads import Run, append
from tests.recording import record_all
from tests.strategies import NOW_MS
from tests.upstream import SAMPLES as SAMPLE


def carried(entry: Entry) -> set[Feature]:
    """The features of an entry that needs no bucket, no host and no actor, said again in the plainest way."""
    found = {("blueprint_id", entry.blueprint_id), ("status", str(entry.status))}
    found |= {("word", word) for word in features.words(entry.intent[:500])}
    for verdict in entry.verdicts:
        found.add(("not_axis_absent", verdict.axis))
        if verdict.status == "deny":
            found.add(("axis", verdict.axis))
    found.add(("rationale_length", _bucket("rationale_length", len(entry.rationale))))
    found.add(("intent_length", _bucket("intent_length", len(entry.intent))))
    if is_plausible(entry.ts_ms, now_ms()):
        time = datetime.fromtimestamp(entry.ts_ms // 1000, UTC)
        found |= {("hour", str(time.hour)), ("weekday", time.strftime("%a").lower())}
    if entry.ops is not UNSET:
        operations = json.loads(bytes(entry.ops))
        found |= {("has", "patch"), ("patch_length", _bucket("patch_length", len(bytes(entry.ops).decode())))}
        found |= {("op", each["op"]) for each in operations}
        found.add(("operations", _bucket("operations", len(operations))))
    if entry.bump is not UNSET:
        found.add(("bump", str(entry.bump)))
    if entry.candidate_hash is not UNSET:
        found.add(("has", "candidate"))
    return found


def _bucket(name: str, number: int) -> str:
    low = max(begin for begin in features.BUCKETS[name] if begin <= number)
    after = [begin for begin in features.BUCKETS[name] if begin > number]
    if not after:
        return f"{low}-"
    return str(low) if after[0] == low + 1 else f"{low}-{after[0] - 1}"


COUNTED_AGAIN = frozenset(
    (
        "blueprint_id",
        "status",
        "word",
        "not_axis_absent",
        "axis",
        "hour",
        "weekday",
        "op",
        "bump",
        "has",
        *features.BUCKETS,
    )
)


def asked(pairs: Sequence[Pair]) -> tuple[EntryFilter, EntryFilter]:
    return filters.from_pairs(pairs, NOW_MS), filters.from_pairs(complement(pairs), NOW_MS)


def counted(pairs: Sequence[Pair]) -> dict[Feature, tuple[int, int]]:
    """All features, however rare."""
    (_, here), (_, there) = (log._side(wanted, 2**62) for wanted in asked(pairs))
    inside, outside = here.counted(there).features, there.counted(here).features
    return {each: (inside.get(each, 0), outside.get(each, 0)) for each in {*inside, *outside}}


def expected(inside: Iterable[Entry], outside: Iterable[Entry]) -> dict[Feature, tuple[int, int]]:
    here, there = (Counter(each for entry in side for each in carried(entry)) for side in (inside, outside))
    return {each: (here[each], there[each]) for each in {*here, *there}}


@pytest.mark.django_db
class TestCounts(TestCase):
    @QUICK
    @given(LOGS)
    def test_of_any_log(self, entries):
        record_all(entries)
        found = counted([("status", "rejected")])
        rejected = [entry for entry in entries if entry.status == "rejected"]
        again = expected(rejected, [entry for entry in entries if entry.status == "applied"])
        assert {each: n for each, n in found.items() if each[0] in COUNTED_AGAIN and any(n)} == again
        # Every number is that of the filter's list with the feature as one more filter.
        for side, pairs in enumerate(([("status", "rejected")], [("status", "applied")])):
            for each, numbers in found.items():
                if each[0] not in ("status", "meta"):
                    wanted = filters.from_pairs([*pairs, each], NOW_MS)
                    assert select(wanted).count() == numbers[side], each


@pytest.mark.django_db
@QUICK
@given(logs())
def test_first_and_later_attempts(runs: list[Run]) -> None:
    with transaction.atomic():
        append(runs)
        found = counted([("status", "rejected")])
        transaction.set_rollback(True)
    numbers = Counter(
        (str(each.run.entry.status), "first" if each.number == 1 else "later") for each in attempted(runs)
    )
    for value in ("first", "later"):
        of_both = numbers["rejected", value], numbers["applied", value]
        assert found.get(("attempt", value), (0, 0)) == of_both


def samples() -> list[Entry]:
    return [records.decode(line) for line in SAMPLE.with_name("synthetic.ndjson").read_bytes().splitlines()]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "pairs", [[("status", "rejected")], [("axis", "noop")], [("blueprint_id", "main"), ("status", "rejected")]]
)
def test_of_the_sample(pairs: list[Pair]) -> None:
    entries = {entry.issue_id: entry for entry in samples()}
    record_all(entries.values())
    inside, outside = ({*select(wanted).values_list("issue_id", flat=True)} for wanted in asked(pairs))
    assert len(inside) >= 10
    assert inside | outside == entries.keys()
    found = counted(pairs)
    again = expected([entries[name] for name in inside], [entries[name] for name in outside])
    assert {each: n for each, n in found.items() if each[0] in COUNTED_AGAIN and any(n)} == again


@pytest.mark.django_db
def test_short_rationales_of_the_demo_are_all_rejected() -> None:
    with open_source(str(demo.LOGS["recorded"]), records.MAX_ENTRY_BYTES, imported=True) as items:
        record_all(item.entry for item in items if isinstance(item, Found))
    found = log.differences(*asked([("status", "rejected")]))
    strongest = found.found[0]
    assert strongest.feature == ("rationale_length", "0-119")
    assert (strongest.inside, strongest.outside) == (87, 0)
    assert found.tested > len(found.found)
    assert not {"status", "axis"} & {each.feature[0] for each in found.found}


def some(number: int, **changes: Any) -> list[Entry]:
    return [make_entry(issue_id=f"{changes} {at}", ts_ms=NOW_MS - at // 2, **changes) for at in range(number)]


@pytest.mark.django_db
@pytest.mark.parametrize("scanned", [41, 90])
def test_too_many_entries_are_cut_at_a_whole_millisecond(scanned: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MOST_ROWS", scanned)
    monkeypatch.setattr(log, "MOST_ENTRIES", 41)
    record_all([*some(100), *some(100, blueprint_id="other"), *some(30, blueprint_id="third")])
    for wanted in (("blueprint_id", "main"), ("not_blueprint_id", "main"), ("text", "a")):
        side, counts = log._side(filters.from_pairs([wanted], NOW_MS), 2**62)
        assert side.since_ms is not None
        assert 0 < side.entries <= 41
        listed = filters.from_pairs([wanted, ("since", str(side.since_ms))], NOW_MS)
        assert select(listed).count() == side.entries == counts.entries
    whole, _ = log._side(filters.from_pairs([("blueprint_id", "third")], NOW_MS), 2**62)
    assert whole == (30, None)


@pytest.mark.django_db
def test_too_much_text_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_CHUNK", 10)
    record_all(some(100))
    side, _ = log._side(filters.EntryFilter(), 2**62)
    assert side == (100, None)
    monkeypatch.setattr(log, "MOST_CHARACTERS", 3_000)
    side, counts = log._side(filters.EntryFilter(), 2**62)
    assert side.since_ms is not None
    assert side.entries == counts.entries == select(filters.EntryFilter(since_ms=side.since_ms)).count()
    assert 0 < side.entries < 100


@pytest.mark.django_db
def test_a_host_s_patch_counts_like_a_recorded_one() -> None:
    record_all(some(2))
    positions = list(Row.objects.order_by("position").values_list("position", flat=True))
    ops = '[{"op":"remove","path":"/a/b/c"},{"op":"add","path":"/d","value":1}]'
    Patch.objects.create(
        position=1,
        source="host",
        blueprint_id="main",
        prev_hash="",
        ts_ms=NOW_MS,
        ops=ops,
        bump="minor",
        rationale="",
        candidate_hash="",
        seq=1,
        digest="",
        answer_digest="",
        recorded_ms=NOW_MS,
    )
    EntryPatch.objects.create(patch_id=1, entry_id=positions[0])
    found = {
        name: [*select(filters.from_pairs([(name, value)], NOW_MS)).values_list("position", flat=True)]
        for name, value in (("op", "remove"), ("operations", "2"), ("bump", "minor"), ("patch_length", f"{len(ops)}"))
    }
    assert set(map(tuple, found.values())) == {(positions[0],)}
    unseen = filters.EntryFilter({"op": ("remove",)}, seen=filters.Seen(0, 0))
    assert not select(unseen).exists()
    counts = log._side(filters.EntryFilter(seen=filters.Seen(1, 0)), 2**62)[1].counted().features
    assert (counts["op", "remove"], counts["operations", "2"], counts["bump", "minor"], counts["has", "patch"]) == (
        1,
    ) * 4
    assert ("op", "remove") not in log._side(filters.EntryFilter(seen=filters.Seen(0, 0)), 2**62)[1].counted().features


@pytest.mark.django_db
def test_the_number_of_statements_is_fixed_and_each_uses_an_index() -> None:
    def statements() -> CaptureQueriesContext:
        with CaptureQueriesContext(connection) as captured:
            log.differences(*asked([("status", "rejected")]))
        return captured

    record_all([make_rejected("noop", issue_id="first", ts_ms=NOW_MS), make_entry(issue_id="second", ts_ms=NOW_MS)])
    few = statements()
    changes: dict[str, Any] = {"ops": [{"op": "add", "path": "/a/b", "value": 1}], "meta": {"model": "m"}}
    record_all(
        make_rejected("noop", issue_id=f"{at}", ts_ms=NOW_MS - at, **changes)
        if at % 2
        else make_entry(issue_id=f"{at}", ts_ms=NOW_MS - at, **changes)
        for at in range(1, 200)
    )
    many = statements()
    assert len(few) == len(many)
    assert whole_tables(many) == set()
