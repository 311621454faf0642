"""A rebuild goes in steps: appends and readers go on, what is wrong becomes right, and what is right is not touched."""

import io
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from enhancelog import projections
from enhancelog.backends import SEARCH_TABLE, dialect
from enhancelog.domain import filters
from enhancelog.domain.errors import Other
from enhancelog.domain.origin import Origin
from enhancelog.domain.search_words import Phrase
from enhancelog.domain.times import now_ms
from enhancelog.models import NO_DAY, AxisTally, Denial, PatternAxis, PatternChange, PatternRules, StatusTally, Template
from enhancelog.projections.expected import Row, Sums
from enhancelog.queries import entries as listed
from enhancelog.queries.counts import count
from enhancelog.store import pattern_changes, pattern_rebuild, rebuilding, redacting, source_derivation, sources
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from enhancelog.store.pattern_groups import Step
from enhancelog.store.rebuilding import rebuild_projections, search, steps, sums
from enhancelog.store.rebuilding.totals import Totals, temporary
from enhancelog.store.sources import Rename
from enhancelog.store.verification import verify
from tests.factories import HASHES, make_entry, make_rejected
from tests.plans import plans, whole_tables
from tests.projections.test_projections import read_tables
from tests.rebuilt import rebuild_at_once
from tests.recording import record_all

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")
NAMES = ("critic", "writer", "linter", "scribe")


@pytest.fixture(autouse=True)
def log() -> None:
    """Some of everything: threads, templates that join, joint denials, ``meta``, judgements of one candidate."""
    record_all(entries(0, 24))
    pattern_changes.split(*parts_of("the step ⟨word⟩ has no owner"), ADA)


def entries(first: int, last: int) -> Iterator[Any]:
    now = now_ms()
    for number in range(first, last):
        common: dict[str, Any] = {
            "issue_id": f"h-{number}",
            "blueprint_id": ("main", "ops")[number % 2],
            "ts_ms": -1 if number % 11 == 5 else now - (40 - number) * 7_200_000,
            "intent": f"intent {number // 4}",
            "meta": {"model": "m", "seed": number % 3},
            "candidate_hash": HASHES[number // 8 % 8],
        }
        if number % 4 == 3:
            yield make_entry(**common)
        else:
            axes = ("noop", "tone", "licence")[: number % 3 + 1]
            yield make_rejected(*axes, detail=f"the step {NAMES[number % 4]} has no owner", **common)


def parts_of(wording: str) -> tuple[str, list[str]]:
    """A pattern of several templates, and one of them."""
    template = Template.objects.filter(axis="noop", wording=wording).order_by("first_position").last()
    assert template is not None
    return str(template.pattern.key), [str(template.key)]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "KEYS_AT_ONCE", 3)
    for module in (search, steps):
        monkeypatch.setattr(module, "ENTRIES_AT_ONCE", 5)


@pytest.fixture
def between_steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something done whenever a step has released the lock, but not after the steps of this itself."""
    is_within = False

    def use(action: Callable[[], object]) -> None:
        def pause(seconds: float) -> None:
            nonlocal is_within
            if not is_within:
                is_within = True
                action()
                is_within = False

        monkeypatch.setattr("enhancelog.store.rebuilding.steps.time.sleep", pause)

    return use


def words_found() -> list[int]:
    """Positions, by the index alone."""
    index = dialect().search
    question = index.question([Phrase(("owner",))])
    with connection.cursor() as cursor:
        return index.find(cursor, question, (1, 1000), 1000, time.monotonic() + 60, asc=True).positions


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


# Damage

TABLES = [table for table in projections.tables() if table._default_manager.model is not PatternRules]
ALTERED = {
    "denial": "sole = NOT sole",
    "entrybadge": "badge = 'implausible time '",
    "metavalue": "value = 'x'",
    "runstart": "blueprint_id = 'x'",
    "attempt": "intent_key = intent_key + 1",
    "statustally": "runs = runs + 1",
    "axistally": "next_other = next_other + 1",
    "jointtally": "axes = '[]'",
    "dailystatustally": "runs = runs + 1",
    "dailyaxistally": "judged = judged + 1",
    "dailyjointtally": "axes = '[]'",
    "intenttally": "given_up_first = 0",
    "intenttimetally": "intents = 7",
    "axistotal": "first_position = 3",
    "blueprintsummary": "newest_ts_ms = NULL",
    "candidatekey": "key = 7",
    "rejudgement": "suspect = NOT suspect",
    "template": "first_position = first_position + 1",
    "denialpattern": "pattern_id = 77",
    "templatetally": "denied = denied + 1",
}


def name_of(table: Any) -> str:
    return str(table._meta.db_table.removeprefix("enhancelog_"))


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("table", TABLES, ids=name_of)
@pytest.mark.parametrize("damage", ["all rows deleted", "altered", "moved"])
def test_whatever_is_wrong_becomes_what_a_rebuild_at_once_makes(table: Any, damage: str) -> None:
    name = table._meta.db_table
    before = read_tables()
    assert before[name], "nothing to damage"
    if damage == "all rows deleted":
        execute(f"DELETE FROM {name}")
    elif damage == "altered":
        execute(f"UPDATE {name} SET {ALTERED[name_of(table)]}")
    else:
        column = next(each for each in ("position", "day", "first_position", "applied") if has_column(table, each))
        execute(f"UPDATE {name} SET {column} = {column} + 1000000")
    assert read_tables() != before
    rebuild_projections()
    assert read_tables() == before
    assert list(verify()) == []


def has_column(table: Any, column: str) -> bool:
    return column in {field.column for field in table._meta.concrete_fields}


@pytest.mark.parametrize(
    "damage",
    [
        f"UPDATE {Template._meta.db_table} SET axis = 'another'",
        f"UPDATE {Template._meta.db_table} SET rules = rules - 1",
        f"UPDATE {Template._meta.db_table} SET pattern_id = id, wording = text",
        f"UPDATE {Template._meta.db_table} SET home_id = 77",
        f"DELETE FROM {PatternAxis._meta.db_table}",
        f"UPDATE {PatternAxis._meta.db_table} SET named = named + 1",
        f"DELETE FROM {PatternRules._meta.db_table}",
    ],
)
def test_the_groups_of_templates_become_right(damage: str) -> None:
    before = read_tables()
    execute(damage)
    rebuild_projections()
    assert read_tables() == before
    assert list(verify()) == []
    assert pattern_rebuild.step() is Step.DONE


def test_templates_beyond_the_limit_of_an_axis_are_one_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.patterns.MOST_TEMPLATES", 3)
    words = ("rude", "slow", "large", "dark", "thin")
    record_all(make_rejected("size", detail=f"it is {word}", issue_id=word) for word in words)
    before = read_tables()
    execute(f"DELETE FROM {Template._meta.db_table} WHERE axis = 'size'")
    rebuild_projections()
    assert read_tables() == before
    assert list(verify()) == []


def test_words_that_the_index_lost_are_found_again() -> None:
    wanted = words_found()
    assert wanted
    with connection.cursor() as cursor:
        dialect().search.clear(cursor)
    assert words_found() == []
    rebuild_projections()
    assert words_found() == wanted
    assert list(verify()) == []


def test_a_rebuild_at_once_makes_the_same() -> None:
    left = read_tables()
    rebuild_at_once()
    assert read_tables() == left


# Meanwhile


@pytest.mark.usefixtures("small_steps")
def test_between_all_steps_the_figures_are_whole(between_steps: Callable[[Callable[[], object]], None]) -> None:
    before, found = read_tables(), words_found()
    seen = []

    def read() -> None:
        seen.append(read_tables() == before and words_found() == found)
        for pairs in ([("axis", "noop")], [("status", "applied")]):
            narrowed = filters.from_pairs(pairs, now_ms())
            assert count(narrowed, last_position()).number == len(listed.page(narrowed, "asc", 200).rows)

    between_steps(read)
    rebuild_projections()
    assert len(seen) > len(TABLES)
    assert all(seen)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("is_damaged", [False, True])
def test_what_is_appended_redacted_renamed_and_split_meanwhile_is_derived_as_ever(
    is_damaged: bool, between_steps: Callable[[Callable[[], object]], None]
) -> None:
    number = 24

    def happen() -> None:
        nonlocal number
        if number < 60:
            record_all(entries(number, number + 1))
            if number == 30:
                redacting.redact("h-2", ["details"], "a key in clear", ADA)
            if number == 40:
                pattern_changes.undo(PatternChange.objects.get().pk, ADA)
            if number == 50:
                sources.rename(Rename("api", "agents", "one name"), ADA)
                source_derivation.settle()
            number += 1

    between_steps(happen)
    if is_damaged:
        for table in (Denial, StatusTally, Template):
            execute(f"DELETE FROM {table._meta.db_table}")
    rebuild_projections()
    assert number == 60
    left, found = read_tables(), words_found()
    assert list(verify()) == []
    rebuild_at_once()
    assert (read_tables(), words_found()) == (left, found)


def test_appends_are_acknowledged_while_it_runs(between_steps: Callable[[Callable[[], object]], None]) -> None:
    """By others, so every step must have released the lock."""
    outcomes: list[str] = []
    number = iter(range(1000))

    def append() -> None:
        store = DatabaseEnhanceLogStore(Origin("token", "agent", "api"))
        outcomes.extend(each.result for each in store.append_batch([make_entry(issue_id=f"new-{next(number)}")]))

    between_steps(append)
    rebuild_projections()
    assert len(outcomes) > len(TABLES)
    assert set(outcomes) == {"created"}
    assert list(verify()) == []


def test_what_is_right_is_only_read() -> None:
    with CaptureQueriesContext(connection) as captured:
        rebuild_projections()
    written = [
        query["sql"]
        for query in captured.captured_queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
        and SEARCH_TABLE not in query["sql"]
        and "position > " not in query["sql"]  # what is beyond the log
        and "hostsource" not in query["sql"]  # there is none
    ]
    assert written == []


def test_the_next_keys_are_read_by_an_index() -> None:
    tables = [each for each in projections.expected() if isinstance(each, Sums)]
    with connection.cursor() as cursor:
        first = [next(iter(sums._stored_after(cursor, each, None))) for each in tables]
    with CaptureQueriesContext(connection) as captured, connection.cursor() as cursor:
        for each, key in zip(tables, first, strict=True):
            sums._stored_after(cursor, each, key)
    assert len(captured) == len(tables) > 6
    assert whole_tables(captured) == set()
    assert not any("TEMP B-TREE" in plan for plan in plans(captured).values())


def test_a_redaction_takes_half_made_indexes_with_it(
    monkeypatch: pytest.MonkeyPatch, between_steps: Callable[[Callable[[], object]], None]
) -> None:
    monkeypatch.setattr(search, "ENTRIES_AT_ONCE", 5)

    def die() -> None:
        raise MemoryError

    between_steps(die)
    with pytest.raises(MemoryError):
        search.rebuild(lambda done: None)
    redacting.redact("h-2", ["details"], "a key in clear", ADA)
    with connection.cursor() as cursor:
        left = [name for name in connection.introspection.table_names(cursor) if name.startswith(f"{SEARCH_TABLE}_n")]
    assert left == []
    monkeypatch.undo()
    rebuild_projections()
    assert list(verify()) == []


def test_an_index_that_was_served_but_not_swept_does_not_stop_the_next_rebuild(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(index: object, cursor: object) -> bool:
        raise MemoryError

    wanted = words_found()
    monkeypatch.setattr(type(dialect().search), "sweep", die)
    with pytest.raises(MemoryError):
        search.rebuild(lambda done: None)
    monkeypatch.undo()
    rebuild_projections()
    assert words_found() == wanted
    assert list(verify()) == []


def test_a_second_one_at_the_same_time_says_so_in_one_line() -> None:
    holds, ends = threading.Event(), threading.Event()

    def hold() -> None:
        with dialect().rebuilding():
            holds.set()
            ends.wait(60)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert holds.wait(60)
        with pytest.raises(CommandError, match="rebuilt already") as refused:
            call_command("rebuild_projections", stdout=io.StringIO(), stderr=io.StringIO())
    finally:
        ends.set()
        thread.join()
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    call_command("rebuild_projections", stdout=io.StringIO(), stderr=io.StringIO())


# Memory


@given(st.lists(st.tuples(st.integers(0, 3) | st.none(), st.sampled_from("aé"), st.integers(-2, 2))), st.integers(0, 9))
def test_totals_on_disk_are_those_in_memory(added: list[tuple[int | None, str, int]], most: int) -> None:
    wanted: dict[Row, int] = {}
    with pytest.MonkeyPatch.context() as patching, temporary() as disk:
        patching.setattr("enhancelog.store.rebuilding.totals.MOST_PENDING", most)
        totals = Totals(disk, 0, Sums(StatusTally, ("day", "status"), ("runs",), lambda entries: {}))
        for day, status, runs in added:
            totals.add({(day, status): (runs,)})
            key = NO_DAY if day is None else day, status
            wanted[key] = wanted.get(key, 0) + runs
        seen: list[Row] = []
        while found := totals.after(seen[-1][:2] if seen else None, 2):
            seen += found.values()
    assert seen == sorted((*key, runs) for key, runs in wanted.items() if runs)


@pytest.mark.usefixtures("small_steps")
def test_no_step_reads_many_rows_however_long_the_log_is(monkeypatch: pytest.MonkeyPatch) -> None:
    most: list[int] = []
    read = dialect().first_rows

    def counting(*arguments: Any) -> Any:
        rows, is_end = read(*arguments)
        most.append(len(rows))
        return rows, is_end

    monkeypatch.setattr(type(dialect()), "first_rows", lambda self, *arguments: counting(*arguments))
    monkeypatch.setattr("enhancelog.store.rebuilding.steps.READ_BYTES", 1)
    AxisTally.objects.all().delete()
    rebuild_projections()
    assert most
    assert max(most) <= 1
    assert list(verify()) == []


def test_a_fault_of_the_temporary_file_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(progress: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(rebuilding.sums, "rebuild", fail)
    with pytest.raises(Other, match="temporary file of the rebuild failed: database or disk is full"):
        rebuild_projections()
