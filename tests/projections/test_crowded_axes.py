"""What an append costs that brings new templates: the same, however many its axes have or the entry has axes."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog import patterns, projections
from enhancelog.backends import LONGEST_INSERT
from enhancelog.domain import filters
from enhancelog.domain.times import now_ms
from enhancelog.models import AxisTally, Denial, DenialPattern, JointTally, Template, TemplateTally
from enhancelog.patterns import Group
from enhancelog.projections import patterns as patterns_projection
from enhancelog.projections.patterns.adding import derive_anew
from enhancelog.projections.patterns.details import MOST_AXES
from enhancelog.queries import entries
from enhancelog.queries.counts import count
from enhancelog.queries.patterns.listing import listing
from enhancelog.queries.patterns.of_entry import pattern_ids
from enhancelog.store import pattern_groups
from enhancelog.store.database import last_position, stored_batches
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests import pattern_rules
from tests.pages import read
from tests.processes import run_on_sqlite
from tests.projections.test_pattern_groups import append, denial, on_axes
from tests.projections.test_projections import read_tables
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

APPEND = """
import os, random, resource, time
import django
django.setup()
from django.core.management import call_command
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry, Verdict
from enhancelog.store.database import DatabaseEnhanceLogStore

chance = random.Random(9)
words = ["".join(chance.choice("bcdfgklmnprstvz") + chance.choice("aeiou") for _ in range(3)) for _ in range(3000)]

def entry(number):
    details = [" ".join(chance.choice(words) if n == number % 20 else words[n] for n in range(30)) for _ in range(8)]
    verdicts = tuple(Verdict(axis=f"crowded-{n}", status="deny", detail=said) for n, said in enumerate(details))
    return Entry(issue_id=str(number), blueprint_id="", prev_hash="", new_hash="", intent="", rationale="",
                 verdicts=verdicts, status="rejected", reasons=(), ts_ms=0)

call_command("migrate", verbosity=0)
store = DatabaseEnhanceLogStore(Origin("command", "tests", "api"))
store.append_batch([entry(number) for number in range(600)])
new = entry(600)
allowed = int(time.process_time()) + 2
resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
store.append(new)
os._exit(0)  # to free all that was imported takes longer than the append
"""


@pytest.mark.once
def test_a_new_template_on_each_of_eight_crowded_axes_takes_less_than_two_seconds_of_cpu(tmp_path: Path) -> None:
    done = run_on_sqlite(APPEND, tmp_path)
    assert done.returncode == 0, f"ended by signal {-done.returncode}: {done.stderr[-300:]}"


def test_an_append_neither_groups_its_axis_nor_moves_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[Group]:
        raise AssertionError("an append grouped an axis")

    record_all([denial("tone a", 1), denial("tone b", 2)])
    before = list(DenialPattern.objects.values_list("entry_id", "pattern_id"))
    monkeypatch.setattr(patterns, "join", refuse)
    append([denial("tone c", 3)])
    assert [pattern == template for template, pattern in Template.objects.values_list("pk", "pattern")] == [True] * 3
    assert list(DenialPattern.objects.values_list("entry_id", "pattern_id"))[:2] == before


@pytest.mark.parametrize("crowd", [1, 60])
def test_an_append_of_new_templates_costs_the_same_statements_however_crowded_their_axes(
    crowd: int, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    pattern_rules.use(monkeypatch, most_templates=100)
    letters = [chr(ord("a") + number % 26) * (number // 26 + 1) for number in range(crowd + 1)]
    record_all(on_axes(8, f"tone {letter}", letter) for letter in letters[:-1])
    with django_assert_max_num_queries(43):  # comparing a repeated candidate is six of them
        append([on_axes(8, f"tone {letters[-1]}", "last")])


def test_ten_thousand_axes_of_one_entry_are_counted_whole_and_grouped_up_to_the_limit() -> None:
    with CaptureQueriesContext(connection) as few:
        append([on_axes(MOST_AXES + 1, "tone a", "few")])
    with CaptureQueriesContext(connection) as queries:
        append([on_axes(10_000, "tone b", "many")])
    # Beyond what a small entry takes: denials, tallies and totals by axis, and a few statements for their remainders.
    assert len(queries) < len(few) + 10_000 / LONGEST_INSERT * 3 + 18
    assert Denial.objects.filter(entry=2).count() == 10_000
    assert AxisTally.objects.filter(denied__gt=0).count() == 10_000
    assert AxisTally.objects.get(axis="axis-00064").denied == 2
    for rows in (DenialPattern.objects.filter(entry=2), Template.objects.filter(text="tone b")):
        assert rows.count() == MOST_AXES
    assert Template.objects.count() == TemplateTally.objects.count() == 2 * MOST_AXES
    assert JointTally.objects.count() == 2
    pattern_groups.settle()
    assert list(verify()) == []


@pytest.fixture
def two_axes_of_an_entry(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Are grouped, of three on which each of two entries was denied; one was denied on the third alone."""
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.projections.patterns.details.MOST_AXES", 2)
    log = [on_axes(3, "tone a", "1"), on_axes(3, "tone a", "2"), denial("size 1", 3, "axis-00002")]
    record_all(msgspec.structs.replace(entry, ts_ms=now_ms() - 1000) for entry in log)


@pytest.mark.usefixtures("two_axes_of_an_entry")
def test_what_is_beyond_the_axes_of_an_entry_is_of_no_pattern_after_a_rebuild_too() -> None:
    texts = Template.objects.filter(axis="axis-00002").values_list("text", flat=True)
    assert list(texts) == ["size ⟨n⟩"]
    left = read_tables()
    rebuild_projections()
    assert read_tables() == left
    assert list(verify()) == []


@pytest.mark.usefixtures("two_axes_of_an_entry")
def test_denials_of_no_pattern_come_and_go_with_their_entries() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        projections.drop(cursor, next(stored_batches()))
        left = {table.__name__: table._default_manager.count() for table in (*patterns_projection.TABLES, Denial)}
        assert set(left.values()) == {0}, left
        transaction.set_rollback(True)


@pytest.mark.usefixtures("two_axes_of_an_entry")
def test_an_axis_forgotten_and_read_again_leaves_out_the_same_denials() -> None:
    left = set(DenialPattern.objects.values_list("entry", "template__key"))
    with transaction.atomic(), connection.cursor() as cursor:
        derive_anew(cursor, "axis-00002")
    pattern_groups.settle()
    assert set(DenialPattern.objects.values_list("entry", "template__key")) == left
    assert list(verify()) == []


@pytest.mark.usefixtures("two_axes_of_an_entry")
def test_a_filter_by_pattern_and_its_opposite_and_their_counts_agree_on_denials_of_none() -> None:
    pattern = str(Template.objects.get(axis="axis-00002").key)
    for name, wanted in (("pattern", ["h-3"]), ("not_pattern", ["1", "2"])):
        narrowed = filters.from_pairs([("axis", "axis-00002"), (name, pattern)], NOW_MS)
        assert sorted(row[1] for row in entries.page(narrowed, "asc", 100).rows) == wanted
        assert count(narrowed, last_position()).number == len(wanted)
    (found,) = listing(filters.from_pairs([("axis", "axis-00002")], NOW_MS)).patterns
    assert (found.id, found.count) == (pattern, 1)


@pytest.mark.usefixtures("two_axes_of_an_entry")
def test_an_entry_shows_denials_of_no_pattern_without_a_link() -> None:
    linked = read(Client().get("/entries/1")).all("a", class_="link small more")
    assert [link.words for link in linked] == ["1 more like this"] * 2
    assert set(pattern_ids(1)) == {"axis-00000", "axis-00001"}


@pytest.mark.usefixtures("two_axes_of_an_entry")
@pytest.mark.parametrize("period", ["all", "24h"])
def test_the_patterns_of_an_axis_and_what_is_of_none_add_up(period: str) -> None:
    page = read(Client().get("/patterns/", {"axis": "axis-00002", "period": period}))
    assert "2 more belong to no pattern" in page.words
    assert "of no pattern" not in read(Client().get("/patterns/", {"axis": "axis-00001", "period": period})).words


def test_where_all_that_an_axis_denied_is_of_no_pattern_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PUBLIC_READ = True
    monkeypatch.setattr("enhancelog.projections.patterns.details.MOST_AXES", 2)
    record_all([on_axes(3, "tone a", "1")])
    page = read(Client().get("/patterns/", {"axis": "axis-00002", "period": "all"}))
    assert "1 rejection belongs to no pattern" in page.words
