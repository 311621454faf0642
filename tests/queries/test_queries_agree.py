"""A list, its count, its pages, its stream and its facets agree, for any filter over any entries."""

import json
import re
from collections.abc import Iterable

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from msgspec import UNSET

from enhancelog import links, patterns
from enhancelog.domain import features, filters
from enhancelog.domain.filter_box import canonical
from enhancelog.domain.filters import EntryFilter, Order
from enhancelog.domain.records import Entry, denials
from enhancelog.domain.search_words import find, phrase
from enhancelog.domain.times import DAY_MS, is_plausible, now_ms
from enhancelog.models import DenialTheme, Template, ThemeWording
from enhancelog.projections.search_index import words
from enhancelog.queries import entries as listed
from enhancelog.queries.counts import Count, count
from enhancelog.queries.facets import facets
from enhancelog.queries.newest import count_beyond, listed_at, newest
from enhancelog.store.database import last_position
from enhancelog.store.rows import COLUMNS
from tests import list_pages, strategies
from tests.pages import read
from tests.prose import prose_from_the_second_denial
from tests.recording import record_all
from tests.strategies import NOW_MS

AXES = st.sampled_from(["des", "noop", "agent-ref", "ops/デプロイ %", "nobody", "..", ""])
PAIRS = st.one_of(
    st.tuples(
        st.sampled_from(
            ["axis", "axis_passed", "axis_absent", "only", "without", "not_without", "not_axis", "not_axis_passed"]
        ),
        AXES,
    ),
    st.tuples(st.sampled_from(["blueprint_id", "not_blueprint_id"]), st.sampled_from(["main", "", "nobody"])),
    st.tuples(
        st.sampled_from(["blueprint_prefix", "not_blueprint_prefix"]),
        st.sampled_from(["ma", "", "ops/デ", "ops/デプロイ %", "%", "m_", "\ud7ff", "\U0010ffff"]),
    ),
    st.tuples(st.sampled_from(["status", "not_status"]), st.sampled_from(["applied", "rejected"])),
    st.tuples(st.sampled_from(["axes", "not_axes"]), st.sampled_from(["one", "many"])),
    st.tuples(
        st.sampled_from(["has", "not_has"]), st.sampled_from(["patch", "ops", "candidate", "gap", "badge", "flip"])
    ),
    st.tuples(st.sampled_from(["touches", "not_touches"]), st.sampled_from(["/a", "/a/b", "/a/b/1", "/"])),
    st.tuples(
        st.sampled_from(["meta.model", "meta.seed", "not_meta.seed", "meta.cached", "not_meta.a.b-c_1"]),
        st.sampled_from(["1", "1.0", "m-large", "true", "", "a b", "x" * 300, "0", "nobody"]),
    ),
    st.tuples(st.sampled_from(["pattern", "not_pattern"]), st.integers(0, 3).map(str)),
    st.tuples(
        st.sampled_from(["theme", "not_theme"]),
        st.sampled_from(["des:0", "noop:0", "noop:1", "ops/デプロイ %:0", "agent-ref:9", "nobody:0"]),
    ),
    st.tuples(st.sampled_from(["afterwards", "not_afterwards"]), st.sampled_from(["applied", "rejected", "none"])),
    st.tuples(st.sampled_from(["next", "not_next"]), st.sampled_from(["applied", "same", "other", "none"])),
    st.tuples(
        st.sampled_from(["attempt", "not_attempt"]), st.sampled_from(["first", "second", "third", "further", "later"])
    ),
    st.tuples(st.sampled_from(["op", "not_op"]), st.sampled_from(["add", "move"])),
    st.tuples(
        st.sampled_from(["hour", "not_hour", "rationale_length", "not_operations"]), st.sampled_from(["1-", "0"])
    ),
    st.tuples(st.sampled_from(["word", "not_word"]), st.sampled_from(["cite", "日"])),
    st.tuples(
        st.sampled_from(["matching", "not_matching"]),
        st.sampled_from(
            [
                "status=rejected&not_axis=noop",
                "next=same&axis=noop",
                "without=noop&has=patch",
                "text=a",
                "phrase=a&status=rejected",
                "not_phrase=0",
            ]
        ),
    ),
    st.tuples(st.sampled_from(["source", "not_source"]), st.sampled_from(["api", "host-b"])),
    st.tuples(st.sampled_from(["text", "not_text"]), st.sampled_from(["a", "0", "日", '"', "\\"])),
    st.tuples(st.sampled_from(["phrase", "not_phrase"]), st.sampled_from(["a", "0", "日", "…"])),
    st.tuples(
        st.sampled_from(["since", "until", "not_since", "not_until"]),
        st.sampled_from(["0", "2026-11-17", str(NOW_MS - DAY_MS), str(NOW_MS // DAY_MS * DAY_MS), "-5"]),
    ),
)
LOGS = st.lists(strategies.entries(), max_size=12, unique_by=lambda entry: entry.issue_id)
QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def with_patterns(pairs):
    """The numbers that stand for patterns as their templates' ids; there is none for the highest."""
    keys = Template.objects.order_by("key").values_list("key", flat=True)
    known = {str(number): key for number, key in enumerate(keys[:3])}
    return [(name, known.get(value, "0" * 16) if "pattern" in name else value) for name, value in pairs]


def all_pages(wanted: EntryFilter, order: Order, size: int) -> list[int]:
    positions: list[int] = []
    cursor = None
    while True:
        page = listed.page(wanted, order, size, cursor)
        positions += [row[0] for row in page.rows]
        if page.next is None:
            return positions
        cursor = str(page.next)


def noted(entry: Entry, key: str, value: str) -> bool:
    """Whether ``meta`` has the value: its text or, if a number was asked for, what its shortest form finds."""
    noted = {} if entry.meta is UNSET else json.loads(bytes(entry.meta))
    if key not in noted:
        return False
    texts = {value} | ({"1"} if value == "1.0" else set())
    found = noted[key]
    if isinstance(found, bool):
        return ("true" if found else "false") in texts
    return found in texts if isinstance(found, str) else found in [float(text) for text in texts if text[:1].isdigit()]


def holds(entry: Entry, source: str, name: str, value: str) -> bool:
    """What one parameter means, said again in the plainest way."""
    if name.startswith("meta."):
        return noted(entry, name.removeprefix("meta."), value)
    denied = denials(entry)
    verdicts = [(verdict.axis, verdict.status) for verdict in entry.verdicts]
    match name:
        case "blueprint_id" | "status":
            return str(getattr(entry, name)) == value
        case "blueprint_prefix":
            return entry.blueprint_id.startswith(value)
        case "source":
            return source == value
        case "touches":
            found = [] if entry.ops is UNSET else json.loads(bytes(entry.ops))
            return any(f"{each['path']}/".startswith(f"{value}/") for each in found)
        case "axis":
            return value in denied
        case "axis_passed":
            return (value, "pass") in verdicts
        case "axis_absent":
            return value not in ("", "..") and value not in [axis for axis, _ in verdicts]
        case "only":
            return list(denied) == [value]
        case "pattern":
            said = Template.objects.filter(key=value).first()
            same = [] if said is None else Template.objects.filter(pattern=said.pattern).values_list("axis", "text")
            return any((axis, patterns.mask(detail).template) in set(same) for axis, detail in denied.items())
        case "theme":
            axis, _, number = value.rpartition(":")
            themes = dict(ThemeWording.objects.filter(axis=axis, theme__isnull=False).values_list("number", "theme"))
            rows = DenialTheme.objects.filter(axis=axis, entry__issue_id=entry.issue_id)
            of_entry = [themes.get(wording) for wording in rows.values_list("wording", flat=True)]
            return int(number) in themes and of_entry == [themes[int(number)]]
        case "axes":
            return len(denied) == 1 if value == "one" else len(denied) > 1
        case "phrase":
            return [*find(words(entry).split(), phrase(value))] != []
        case "text":
            texts = [entry.intent, entry.rationale, *entry.reasons, *(verdict.detail for verdict in entry.verdicts)]
            return any(re.search(re.escape(value), text, re.ASCII | re.IGNORECASE) for text in texts)
    raise AssertionError(name)


def expected(log: Iterable[tuple[Entry, str]], wanted: EntryFilter, recorded_ms: int) -> list[str]:
    """The ids that a filter without ``has`` describes."""
    found = []
    for entry, source in log:
        inside = is_plausible(entry.ts_ms, recorded_ms) or (wanted.since_ms is None and wanted.until_ms is None)
        inside = inside and (wanted.since_ms is None or entry.ts_ms >= wanted.since_ms)
        inside = inside and (wanted.until_ms is None or entry.ts_ms < wanted.until_ms)
        for name, values in wanted.include.items():
            if name == "without":
                inside = inside and bool(denials(entry)) and set(values).issuperset(denials(entry))
                continue
            every = all if name == "axis" else any
            inside = inside and every(holds(entry, source, name, value) for value in values)
        for name, values in wanted.exclude.items():
            if name == "without":
                inside = inside and not (denials(entry) and set(values).issuperset(denials(entry)))
                continue
            inside = inside and not any(holds(entry, source, name, value) for value in values)
        if inside:
            found.append(entry.issue_id)
    return sorted(found)


@pytest.mark.django_db
class TestAgreement(TestCase):
    def setUp(self):
        self.enterContext(prose_from_the_second_denial())

    @QUICK
    @given(LOGS, LOGS, st.lists(PAIRS, max_size=4), st.sampled_from(["asc", "desc"]), st.integers(1, 5))
    def test_list_count_pages_stream_and_meaning_agree(self, log, more, pairs, order, size):
        ids = {entry.issue_id for entry in log}
        more = [entry for entry in more if entry.issue_id not in ids]
        record_all(log)
        record_all(more, source="host-b")
        pairs = with_patterns(pairs)
        wanted = filters.from_pairs(pairs, NOW_MS)
        page = listed.page(wanted, order, 1000)
        whole = [row[0] for row in page.rows]
        assert all_pages(wanted, order, size) == whole
        assert count(wanted, page.up_to) == Count(len(whole))
        streamed = [row[0] for chunk in listed.stream(wanted, order, page.up_to) for row in chunk]
        assert streamed == whole
        if not {"has", "afterwards", "next", "attempt", "matching", *features.NAMES} & {
            name.removeprefix("not_") for name, _ in pairs
        }:
            everything = [(entry, "api") for entry in log] + [(entry, "host-b") for entry in more]
            recorded_ms = page.rows[0][COLUMNS.index("recorded_ms")] if page.rows else now_ms()
            assert sorted(row[1] for row in page.rows) == expected(everything, wanted, recorded_ms)

    @QUICK
    @given(LOGS, st.lists(PAIRS, max_size=4), st.integers(1, 5), st.integers(0, 12))
    def test_the_newest_by_position_are_of_the_list(self, log, pairs, size, after):
        record_all(log)
        first = last_position() - len(log)
        wanted = filters.from_pairs(pairs, NOW_MS)
        positions = sorted((row[0] for row in listed.page(wanted, "asc", 1000).rows), reverse=True)
        assert newest(wanted, size) == positions[:size]
        assert [entry.position for entry in listed_at(newest(wanted, size))] == positions[:size]
        beyond = sum(position > first + after for position in positions)
        assert count_beyond(wanted, first + after, size) == Count(min(beyond, size), beyond > size)

    @QUICK
    @given(LOGS, LOGS, st.lists(PAIRS, max_size=2))
    def test_facets_add_up_and_lead_to_what_they_count(self, log, more, pairs):
        record_all(log)
        ids = {entry.issue_id for entry in log}
        pairs = with_patterns(pairs)
        wanted = filters.from_pairs(pairs, NOW_MS)
        up_to = listed.page(wanted, "desc", 1).up_to
        record_all(entry for entry in more if entry.issue_id not in ids)
        found = facets(wanted, up_to)
        assert found.total == count(wanted, up_to)
        for name in ("blueprint_id", "axes", "afterwards"):
            assert sum(choice.entries.number for choice in found.by.get(name, ())) == found.total.number
        for name, choices in found.by.items():
            for choice in choices:
                if choice.value != "none" and not any(given == name for given, _ in pairs):
                    narrowed = filters.from_pairs([*pairs, (name, choice.value)], NOW_MS)
                    if name != "has" or choice.value == "badge":  # a late entry can close a gap
                        assert count(narrowed, up_to) == choice.entries

    @QUICK
    @given(LOGS, st.lists(PAIRS, max_size=3), st.sampled_from(["asc", "desc"]), st.integers(1, 4))
    def test_pages_show_what_the_queries_list(self, log, pairs, order, size):
        record_all(log)
        pairs = [pair for pair in canonical(with_patterns(pairs)) if pair[1] and "status" not in pair[0]]
        wanted = filters.from_pairs([*pairs, ("status", "rejected")], NOW_MS)
        client = Client()
        with self.settings(PUBLIC_READ=True):
            page = read(client.get(links.rejections([*pairs, ("order", order), ("page_size", str(size))])))
            total = list_pages.summary(page).partition(" entr")[0]
            shown = list_pages.positions(page)
            while further := list_pages.onward(page):
                page = read(client.get(further, headers={"HX-Request": "true"}))
                shown += list_pages.positions(page)
        rows = [listed.Listed(row) for row in listed.page(wanted, order, 1000).rows]
        plausible = [row.position for row in rows if is_plausible(row.ts_ms, row.recorded_ms)]
        assert [position for position in shown if position in plausible] == plausible
        others = {row.position for row in rows}.difference(plausible)
        assert [position for position in shown if position not in plausible] == sorted(others, reverse=True)
        assert total == str(len(shown))
