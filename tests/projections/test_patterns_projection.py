"""Templates, patterns and tallies: appends leave what a rebuild makes, with joins, a limit and changes by hand."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog import patterns, projections
from enhancelog.domain.records import Entry as Record
from enhancelog.models import DenialPattern, PatternChange, Template, TemplateTally
from enhancelog.projections import patterns as projection
from enhancelog.projections.patterns import axes
from enhancelog.projections.patterns.details import OTHER
from enhancelog.store import pattern_groups
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests import pattern_rules
from tests.factories import make_rejected
from tests.projections.test_projections import read_log, read_tables
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

WORDS = ("tone", "size", "shape")
details = st.builds(lambda word, rest: f"{word} {rest}", st.sampled_from(WORDS), st.sampled_from("abcdef123"))
sent = st.tuples(st.sampled_from(["des", "noop"]), details, st.sampled_from(["main", "triage"]))
changes = st.lists(
    st.tuples(
        st.sampled_from(["split", "merge"]),
        st.lists(details.map(lambda text: pattern_rules.mask(text).template), unique=True),
    ),
    max_size=3,
)
many = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def plain_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    pattern_rules.use(monkeypatch, most_templates=5)


def log_of(said: Sequence[tuple[str, str, str]]) -> list[Record]:
    return [
        make_rejected(axis, issue_id=str(number), detail=detail, blueprint_id=blueprint_id, ts_ms=NOW_MS - number)
        for number, (axis, detail, blueprint_id) in enumerate(said)
    ]


def change(kind: str, *templates: str, axis: str = "noop") -> PatternChange:
    return PatternChange.objects.create(
        axis=axis, kind=kind, templates=msgspec.json.encode(templates).decode(), made_by="ada", made_ms=NOW_MS
    )


def by_pattern() -> dict[str, list[str]]:
    """Leader to the templates of its pattern, in order of their positions."""
    found: dict[str, list[str]] = {}
    for leader, text in Template.objects.order_by("first_position").values_list("pattern__text", "text"):
        found.setdefault(leader, []).append(text)
    return found


def append_in_batches(log: Sequence[Record], size: int) -> None:
    for start in range(0, len(log), size):
        record_all(log[start : start + size])


@many
@given(st.lists(sent, max_size=25), st.integers(1, 30), changes)
def test_appends_leave_what_a_rebuild_makes(
    said: list[tuple[str, str, str]], batch: int, made: list[tuple[str, list[str]]]
) -> None:
    with transaction.atomic():
        for kind, templates in made:
            change(kind, *templates)
        append_in_batches(log_of(said), batch)
        left = read_tables()
        found = list(verify())
        rebuild_projections()
        rebuilt = read_tables()
        transaction.set_rollback(True)
    assert left == rebuilt
    assert found == []


@many
@given(st.lists(sent, max_size=25), changes, st.data())
def test_dropping_entries_and_applying_them_again_changes_nothing(
    said: list[tuple[str, str, str]], made: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for kind, templates in made:
            change(kind, *templates)
        append_in_batches(log_of(said), 7)
        before = read_tables()
        stored = read_log()
        chosen = data.draw(st.lists(st.sampled_from(stored), unique_by=lambda one: one.position)) if stored else []
        if chosen:
            projections.drop(cursor, chosen)
            projections.apply(cursor, chosen)
        pattern_groups.settle()
        after = read_tables()
        transaction.set_rollback(True)
    assert before == after


@many
@given(st.lists(sent, min_size=1, max_size=25), st.data())
def test_a_dropped_entry_leaves_what_would_be_there_without_it(
    said: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    log = log_of(said)
    gone = data.draw(st.integers(0, len(log) - 1))
    with transaction.atomic(), connection.cursor() as cursor:
        append_in_batches(log, 7)
        projections.drop(cursor, [read_log()[gone]])
        pattern_groups.settle()
        left = by_pattern(), list(sums())
        transaction.set_rollback(True)
    with transaction.atomic():
        record_all([*log[:gone], *log[gone + 1 :]])
        wanted = by_pattern(), list(sums())
        transaction.set_rollback(True)
    assert left == wanted


def sums() -> list[tuple[object, ...]]:
    columns = ("day", "blueprint_id", "template__key", "denied", "rejected")
    return sorted(TemplateTally.objects.values_list(*columns), key=repr)


def test_templates_join_as_soon_as_the_rules_say_so_and_the_oldest_leads() -> None:
    record_all(log_of([("noop", "tone b", "main"), ("noop", "size 1", "main"), ("noop", "tone a", "main")]))
    assert by_pattern() == {"tone b": ["tone b"], "size ⟨n⟩": ["size ⟨n⟩"], "tone a": ["tone a"]}
    record_all([make_rejected("noop", issue_id="late", detail="tone c")])
    assert by_pattern() == {"tone b": ["tone b", "tone a", "tone c"], "size ⟨n⟩": ["size ⟨n⟩"]}
    leader = Template.objects.get(text="tone b")
    assert set(Template.objects.filter(pattern=leader).values_list("wording", flat=True)) == {"tone ⟨words⟩"}
    rows = DenialPattern.objects.filter(pattern=leader).order_by("entry_id").values_list("entry_id", "template__text")
    assert list(rows) == [(1, "tone b"), (3, "tone a"), (4, "tone c")]


def test_axes_do_not_share_templates() -> None:
    record_all([make_rejected("noop", "tone", detail="too long")])
    assert sorted(Template.objects.values_list("axis", "text")) == [("noop", "too long"), ("tone", "too long")]
    assert len(set(Template.objects.values_list("key", flat=True))) == 2


def test_templates_beyond_the_limit_are_one_pattern() -> None:
    said = [("noop", f"{letter} said", "main") for letter in "abcdefga"]
    record_all(log_of(said))
    assert Template.objects.filter(other=False).count() == patterns.MOST_TEMPLATES
    other = Template.objects.get(other=True)
    assert (other.text, other.first_position, other.pattern_id) == (OTHER, 6, other.pk)
    assert set(DenialPattern.objects.filter(pattern=other).values_list("entry_id", flat=True)) == {6, 7}
    assert TemplateTally.objects.get(template=other).denied == 2


def test_what_was_split_stays_so_when_more_joins() -> None:
    change("split", "tone b")
    record_all(log_of([("noop", f"tone {letter}", "main") for letter in "abc"]))
    assert by_pattern() == {"tone a": ["tone a", "tone c"], "tone b": ["tone b"]}
    assert Template.objects.get(text="tone b").wording == "tone b"
    record_all([make_rejected("noop", issue_id="late", detail="tone d")])
    assert by_pattern() == {"tone a": ["tone a", "tone c", "tone d"], "tone b": ["tone b"]}


def test_what_was_merged_takes_in_all_that_joins_either() -> None:
    record_all(log_of([("noop", "size 1", "main"), ("noop", "tone a", "main")]))
    change("merge", "tone a", "size ⟨n⟩")
    with connection.cursor() as cursor:
        axes.change(cursor, "noop")
    pattern_groups.settle()
    assert by_pattern() == {"size ⟨n⟩": ["size ⟨n⟩", "tone a"]}
    record_all(log_of([("noop", "x", "main")] * 2 + [("noop", "tone b", "main"), ("noop", "tone c", "main")])[2:])
    assert by_pattern() == {"size ⟨n⟩": ["size ⟨n⟩", "tone a", "tone b", "tone c"]}
    assert Template.objects.get(text="tone c").wording == "tone ⟨words⟩"


def test_a_change_that_was_undone_is_none() -> None:
    PatternChange.objects.filter(pk=change("split", "tone b").pk).update(undone_ms=NOW_MS, undone_by="bob")
    record_all(log_of([("noop", f"tone {letter}", "main") for letter in "abc"]))
    assert by_pattern() == {"tone a": ["tone a", "tone b", "tone c"]}


def test_verify_says_what_is_not_as_the_rules_have_it() -> None:
    record_all(log_of([("noop", "tone a", "main"), ("noop", "size 1", "main")]))
    one, other = Template.objects.order_by("first_position")
    DenialPattern.objects.filter(template=one).update(pattern=other)
    TemplateTally.objects.filter(template=other).update(denied=7)
    Template.objects.filter(pk=one.pk).update(wording="something else")
    found = list(verify())
    assert len(found) == 4
    assert "enhancelog_denialpattern has 1 rows whose pattern is not that of their template" in found


def test_denials_of_known_templates_cost_the_same_few_statements(django_assert_max_num_queries: Any) -> None:
    record_all(log_of([("noop", "size 1", "main"), ("des", "size 1", "main")]))
    more = [one._replace(position=one.position + 2) for one in read_log()]
    with connection.cursor() as cursor, django_assert_max_num_queries(4):
        projection.apply(cursor, more)
    assert DenialPattern.objects.count() == 4
