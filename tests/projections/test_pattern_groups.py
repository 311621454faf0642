"""Grouping after the commit: what an append costs, what readers see meanwhile, what interruptions change (nothing)."""

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog import patterns
from enhancelog.domain import filters
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.models import DenialPattern, PatternAxis, Template
from enhancelog.patterns import Group
from enhancelog.projections.patterns import axes, regrouping
from enhancelog.queries import entries, reach
from enhancelog.queries.counts import count
from enhancelog.queries.horizon import Grouped, grouped
from enhancelog.queries.newest import count_beyond, newest
from enhancelog.queries.patterns.listing import listing
from enhancelog.queries.version import log_version
from enhancelog.store import pattern_changes, pattern_groups
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from enhancelog.store.pattern_groups import Step
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests import pattern_rules
from tests.factories import make_rejected
from tests.projections.test_projections import read_tables
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

WORDS = ("tone", "size", "shape")
sent = st.tuples(
    st.sampled_from(["des", "noop"]),
    st.builds(lambda word, rest: f"{word} {rest}", st.sampled_from(WORDS), st.sampled_from("abcdef123")),
)
many = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def plain_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    pattern_rules.use(monkeypatch, most_templates=5)


def append(log: Sequence[Entry]) -> None:
    """Without grouping what it says."""
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append_batch(log)


def denial(detail: str, number: int | str, axis: str = "noop") -> Entry:
    return make_rejected(axis, issue_id=f"h-{number}", detail=detail, ts_ms=NOW_MS)


def on_axes(number: int, detail: str, issue_id: str) -> Entry:
    axes = [f"axis-{at:05}" for at in range(number)]
    return make_rejected(*axes, issue_id=issue_id, detail=detail, ts_ms=NOW_MS)


def leaders() -> dict[str, str]:
    """Template to the leader of its pattern, of the axis noop."""
    return dict(Template.objects.filter(axis="noop").values_list("text", "pattern__text"))


def key(text: str) -> str:
    return str(Template.objects.get(axis="noop", text=text).key)


def listed(pattern_id: str) -> list[str]:
    """The entries of a pattern, as a list has them."""
    wanted = filters.from_pairs([("pattern", pattern_id)], NOW_MS)
    return sorted(row[1] for row in entries.page(wanted, "asc", 100).rows)


def listed_by_two_rows(pattern_id: str) -> list[str]:
    """The same, looked through in as short parts as if no index led to them."""
    wanted = filters.from_pairs([("pattern", pattern_id), ("not_text", "nowhere")], NOW_MS)
    found: list[str] = []
    cursor = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "MOST_ROWS", 2)
        while True:
            page = entries.page(wanted, "asc", 100, cursor)
            found += [row[1] for row in page.rows]
            if page.next is None:
                return sorted(found)
            cursor = str(page.next)


@pytest.fixture
def one_operation_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_groups, "HOLD_S", 0)
    monkeypatch.setattr(pattern_groups, "PAUSE_S", 0)
    monkeypatch.setattr(regrouping, "ROWS", 2)


class Killed(Exception):
    pass


def killing_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process die between two of the transactions that group an axis."""
    advance = axes.advance
    left = iter(range(steps))

    def dying(*arguments: Any) -> bool:
        if next(left, None) is None:
            raise Killed
        return advance(*arguments)

    monkeypatch.setattr(axes, "advance", dying)


@many
@given(st.lists(sent, max_size=25), st.lists(st.integers(0, 12), max_size=6), st.integers(1, 9))
def test_whatever_interrupts_the_grouping_a_rebuild_makes_the_same(
    said: list[tuple[str, str]], deaths: list[int], batch: int
) -> None:
    log = [denial(detail, number, axis) for number, (axis, detail) in enumerate(said)]
    with pytest.MonkeyPatch.context() as patching, transaction.atomic():
        patching.setattr(pattern_groups, "HOLD_S", 0)
        patching.setattr(pattern_groups, "PAUSE_S", 0)
        patching.setattr(regrouping, "ROWS", 2)
        following = iter(deaths)
        for start in range(0, len(log), batch):
            append(log[start : start + batch])
            _group_until_killed(next(following, 0))
            assert list(verify()) == []
            _lists_and_counts_agree()
        pattern_groups.settle()
        left = read_tables()
        assert list(verify()) == []
        assert grouped() == Grouped(len(log), len(log))
        rebuild_projections()
        rebuilt = read_tables()
        transaction.set_rollback(True)
    assert left == rebuilt


def _group_until_killed(steps: int) -> None:
    with pytest.MonkeyPatch.context() as patching:
        killing_after(steps, patching)
        with contextlib.suppress(Killed):
            pattern_groups.settle()


def _lists_and_counts_agree() -> None:
    up_to = grouped().up_to
    counted = {pattern.id: pattern.count for pattern in listing(filters.from_pairs([], NOW_MS)).patterns}
    for leader in Template.objects.filter(pattern_id=F("pk")).values_list("key", flat=True):
        number = len(listed(leader))
        assert number == counted.get(leader, 0)
        assert number == count(filters.from_pairs([("pattern", leader)], NOW_MS), up_to).number
    assert sum(counted.values()) == DenialPattern.objects.filter(entry__lte=up_to).count()


def test_a_list_is_whole_while_its_rows_are_being_moved(
    monkeypatch: pytest.MonkeyPatch, one_operation_a_step: None
) -> None:
    record_all(denial("tone b", number) for number in range(5))
    record_all([denial("tone a", "a")])
    append([denial("tone c", "c")])
    killing_after(4, monkeypatch)
    with pytest.raises(Killed):
        pattern_groups.settle()
    monkeypatch.undo()
    pattern_rules.use(monkeypatch, most_templates=5)
    assert leaders() == dict.fromkeys(["tone a", "tone b", "tone c"], "tone b")
    assert Template.objects.exclude(home=F("pattern")).exists()
    append([denial("tone a", "later")])
    everything = ["h-0", "h-1", "h-2", "h-3", "h-4", "h-a"]
    assert listed(key("tone b")) == listed_by_two_rows(key("tone b")) == everything
    pattern_groups.settle()
    assert listed(key("tone b")) == [*everything, "h-c", "h-later"]


def test_a_reading_of_patterns_ends_before_the_first_template_that_is_not_grouped() -> None:
    record_all([denial("tone a", 1), denial("tone b", 2)])
    append([denial("tone c", 3), denial("tone a", 4)])
    wanted = filters.from_pairs([("pattern", key("tone a"))], NOW_MS)
    assert (grouped(), last_position()) == (Grouped(4, 2), 4)
    assert [row[0] for row in entries.page(wanted, "asc", 9).rows] == [1]
    assert entries.tail(wanted, 0, 9)[1] == 2
    assert newest(wanted, 9) == [1]
    assert count_beyond(wanted, 1, 9).number == 0
    assert {pattern.template: pattern.count for pattern in listing(filters.from_pairs([], NOW_MS)).patterns} == {
        "tone a": 1,
        "tone b": 1,
    }
    assert entries.page(filters.from_pairs([], NOW_MS), "asc", 9).up_to == 4
    pattern_groups.settle()
    assert grouped() == Grouped(4, 4)
    assert [row[0] for row in entries.tail(wanted, 2, 9)[0]] == [3, 4]
    assert newest(wanted, 9) == [4, 3, 2, 1]
    assert count_beyond(wanted, 2, 9).number == 2


def test_every_step_is_a_version_of_its_own_for_pages() -> None:
    record_all([denial("tone a", 1), denial("tone b", 2)])
    append([denial("tone c", 3)])
    before = log_version()
    pattern_groups.settle()
    assert log_version() != before
    assert log_version() == log_version()


def test_of_two_that_group_an_axis_one_leaves_it_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    append([denial(f"tone {letter}", letter) for letter in "abc"])
    join = patterns.join

    def overtaken(*arguments: Any) -> list[Group]:
        monkeypatch.setattr(patterns, "join", join)
        append([denial("tone d", "d")])
        assert pattern_groups.step() is Step.WORKED
        return join(*arguments)

    monkeypatch.setattr(patterns, "join", overtaken)
    assert pattern_groups.step() is Step.BUSY
    assert set(leaders().values()) == {"tone a"}
    assert list(verify()) == []


def test_small_axes_are_grouped_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_groups, "HOLD_S", 60)
    append([on_axes(40, f"tone {letter}", letter) for letter in "abc"])
    assert PatternAxis.objects.filter(pending__isnull=False).count() == 40
    with CaptureQueriesContext(connection) as queries:
        assert pattern_groups.step() is Step.WORKED
    assert sum("SAVEPOINT" in query["sql"] for query in queries) <= 2, "one transaction"
    assert pattern_groups.step() is Step.DONE
    assert set(Template.objects.values_list("pattern__text", flat=True)) == {"tone a"}


def test_the_only_template_of_an_axis_waits_for_nothing() -> None:
    append([on_axes(40, "tone a", "1")])
    assert grouped() == Grouped(1, 1)
    assert pattern_groups.step() is Step.DONE
    append([on_axes(40, "tone a", "2"), denial("tone b", 3, "axis-00000")])
    assert grouped() == Grouped(3, 2)
    pattern_groups.settle()
    assert list(verify()) == []


def test_what_comes_meanwhile_waits_for_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    append([denial(f"tone {letter}", letter) for letter in "ab"])
    join = patterns.join

    def slow(*arguments: Any) -> list[Group]:
        monkeypatch.setattr(patterns, "join", join)
        append([denial("tone c", "c")])
        return join(*arguments)

    monkeypatch.setattr(patterns, "join", slow)
    assert pattern_groups.step() is Step.WORKED
    assert grouped() == Grouped(3, 2)
    pattern_groups.settle()
    assert set(leaders().values()) == {"tone a"}


def test_a_command_does_not_go_on_for_ever_while_others_append(monkeypatch: pytest.MonkeyPatch) -> None:
    append([denial(f"tone {letter}", letter) for letter in "ab"])
    join = patterns.join
    others = iter("cde")

    def slow(*arguments: Any) -> list[Group]:
        letter = next(others)
        append([denial(f"tone {letter}", letter)])
        return join(*arguments)

    monkeypatch.setattr(patterns, "join", slow)
    pattern_groups.settle()
    assert grouped() == Grouped(3, 2)


def test_a_change_by_hand_while_an_axis_is_grouped_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    record_all([denial(f"tone {letter}", letter) for letter in "abc"])
    append([denial("tone d", "d")])
    join = patterns.join

    def interrupted(*arguments: Any) -> list[Group]:
        monkeypatch.setattr(patterns, "join", join)
        assert pattern_changes.split(key("tone a"), [key("tone b")], Origin("user", "ada", "page")) == key("tone b")
        return join(*arguments)

    monkeypatch.setattr(patterns, "join", interrupted)
    assert pattern_groups.step() is Step.BUSY
    assert leaders() == {"tone a": "tone a", "tone b": "tone b", "tone c": "tone a", "tone d": "tone a"}
    assert list(verify()) == []


def test_verify_log_tells_what_is_not_derived_yet_from_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    record_all([denial("tone a", 1), denial("tone b", 2)])
    append([denial("tone c", 3)])
    call_command("verify_log")
    assert "deny patterns are derived to position 2 of 3, which is not an error" in capsys.readouterr().out
    Template.objects.filter(text="tone b").update(first_position=1)
    PatternAxis.objects.update(named=7)
    assert len(list(verify())) == 4
