"""Themes follow from the log alone: whoever derives them, in whatever steps, and whenever."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from enhancelog import themes
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.maintenance import pattern_worker
from enhancelog.models import Denial, DenialTheme, ThemeAxis, ThemeLabel, ThemeState, ThemeTally, ThemeWording
from enhancelog.patterns import no_rest
from enhancelog.projections import waking
from enhancelog.store import theme_counting, theme_derivation, theme_grouping, theme_rows
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.pattern_groups import Step
from enhancelog.store.rebuilding import rebuild_projections
from tests.factories import make_rejected
from tests.plans import whole_tables
from tests.store.test_redacting_meanwhile import before_next
from tests.strategies import NOW_MS
from tests.themes import policies
from tests.themes.paraphrases import denials
from tests.themes.scoring import themes_of
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db

ROWS: tuple[type[models.Model], ...] = (ThemeAxis, ThemeState, ThemeLabel, DenialTheme, ThemeTally, ThemeWording)
PROSE = [one.detail for one in denials(policies.REASONS)]
HOSTILE = ["", " ", "🙂 … —", "word " * 400, "a" * 2_000, '"' * 1_000 + " sources", "漢字" * 1_000, "not one", "\u2069"]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)


def append(log: Sequence[Entry]) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append_batch(log)


def say(details: Iterable[str], *axes: str) -> None:
    """Append a denial for each."""
    axes, first = axes or ("critic",), Denial.objects.count()
    append(
        [
            make_rejected(*axes, issue_id=f"h-{number}", detail=detail, ts_ms=NOW_MS - number * 3_600_000)
            for number, detail in enumerate(details, first)
        ]
    )


def rows() -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table in ROWS:
        columns = [field.attname for field in table._meta.concrete_fields if field.attname != "id"]
        found[table.__name__] = sorted(table._default_manager.values_list(*columns), key=repr)
    return found


def after_rebuild() -> dict[str, list[tuple[Any, ...]]]:
    rebuild_projections()
    return rows()


def with_themes() -> list[str]:
    return sorted(DenialTheme.objects.values_list("axis", flat=True).distinct())


def theme_of_each(axis: str = "critic") -> list[int | None]:
    """Of the denials that have a wording, by position."""
    by_wording = dict(ThemeWording.objects.filter(axis=axis).values_list("number", "theme"))
    wordings = DenialTheme.objects.filter(axis=axis).order_by("entry_id").values_list("wording", flat=True)
    return [by_wording[wording] for wording in wordings]


def answers(monkeypatch: pytest.MonkeyPatch, first_asked: int, *said: bool) -> None:
    """Instead of looking at details: what is answered at ``first_asked`` denials, twice as many, and so on."""
    monkeypatch.setattr(theme_counting, "FIRST_ASKED", first_asked)

    def answer(axis: str, position: int, rest: Callable[[], None]) -> bool:
        number = Denial.objects.filter(axis=axis, entry_id__lte=position).count()
        return said[(number // first_asked).bit_length() - 1]

    monkeypatch.setattr(theme_counting, "is_prose", answer)


def test_denials_in_prose_have_the_themes_of_the_pure_rules() -> None:
    say(PROSE)
    assert not theme_derivation.is_done()
    theme_derivation.settle()
    assert theme_derivation.is_done()
    assert theme_of_each() == themes_of(PROSE)
    assert set(ThemeLabel.objects.values_list("theme", flat=True)) == set(theme_of_each())
    tallied: Counter[int] = Counter()
    for wording, denied, rejected in ThemeTally.objects.values_list("wording", "denied", "rejected"):
        tallied[wording] += denied
        assert denied == rejected
    assert tallied == Counter(DenialTheme.objects.values_list("wording", flat=True))
    axis = ThemeAxis.objects.get()
    assert (axis.denials, axis.grouped, axis.position, axis.prose_since) == (len(PROSE), len(PROSE), len(PROSE), 100)


def test_what_templates_wrote_has_none_and_costs_no_rows() -> None:
    say([f"agent '{'abc'[at % 3]}' has no prompt in step {at}" for at in range(200)])
    theme_derivation.settle()
    assert {table: len(found) for table, found in rows().items() if found} == {"ThemeAxis": 1}
    assert theme_derivation.is_done()
    assert theme_derivation.step() is Step.DONE


@pytest.mark.parametrize("parts", [3, 40])
def test_increments_are_what_a_rebuild_makes(parts: int) -> None:
    for start in range(parts):
        say(PROSE[start::parts])
        theme_derivation.settle()
    before = rows()
    assert with_themes() == ["critic"]
    assert after_rebuild() == before


@pytest.mark.parametrize(("counted", "positions", "grouped"), [(1, 1, 13), (7, 10, 64), (90, 64, 1_000)])
def test_it_does_not_matter_where_steps_end(
    counted: int, positions: int, grouped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = PROSE[:150]
    for at, detail in enumerate(said):
        say([detail], *(("critic",) if at % 3 else ("critic", "editor")))
    theme_derivation.settle()
    before = rows()
    monkeypatch.setattr(theme_rows, "DENIALS_AT_ONCE", counted)
    monkeypatch.setattr(theme_rows, "POSITIONS_AT_ONCE", positions)
    monkeypatch.setattr(theme_grouping, "DENIALS_AT_ONCE", grouped)
    monkeypatch.setattr(theme_counting, "RECOUNTED_AT_ONCE", counted + 1)
    assert after_rebuild() == before
    ThemeAxis.objects.update(starts_over=True, position=0, grouped=0)
    theme_derivation.settle()
    assert rows() == before


def test_an_entry_with_more_denials_than_a_step_counts_is_counted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_rows, "DENIALS_AT_ONCE", 5)
    append([make_rejected(*[f"axis-{at}" for at in range(8)], issue_id="h"), make_rejected("axis-7", issue_id="i")])
    theme_derivation.settle()
    counted = dict(ThemeAxis.objects.values_list("axis", "denials"))
    assert counted == {f"axis-{at}": 2 if at == 7 else 1 for at in range(8)}


def test_two_who_derive_at_once_write_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_grouping, "DENIALS_AT_ONCE", 100)
    say(PROSE)
    theme_derivation.settle()
    expected = rows()
    with connection.cursor() as cursor:
        theme_derivation.rebuild(cursor)
    while theme_rows_read().rules != themes.RULES_VERSION:
        theme_derivation.step()
    before_next(monkeypatch, theme_counting, "counted", lambda: theme_counting.step(no_rest))
    assert theme_counting.step(no_rest) is Step.BUSY
    before_next(monkeypatch, theme_grouping, "labels_of", lambda: theme_grouping.step(no_rest))
    assert theme_grouping.step(no_rest) is Step.BUSY
    theme_derivation.settle()
    assert rows() == expected


def theme_rows_read() -> theme_rows.Progress:
    with connection.cursor() as cursor:
        return theme_rows.read(cursor)


def test_an_axis_that_never_rests_does_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, 2, *[True] * 5)
    for detail in PROSE[:30]:
        say([detail], "critic", "editor", "writer")
        theme_derivation.step()
    waiting = {axis.axis: axis.denials - axis.grouped for axis in ThemeAxis.objects.all()}
    assert waiting.keys() == {"critic", "editor", "writer"}
    assert max(waiting.values()) < 5


def test_an_append_asks_nothing_of_themes() -> None:
    say(PROSE)
    theme_derivation.settle()
    with CaptureQueriesContext(connection) as captured:
        DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append(
            make_rejected(detail=PROSE[0], issue_id="new")
        )
    assert [query["sql"] for query in captured.captured_queries if "theme" in query["sql"].lower()] == []
    assert not theme_derivation.is_done()


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ([True], None),
        ([True, True], 4),
        ([False, True, True], 8),
        ([True, False, True, False], None),
        ([True, True, False], 4),
        ([True, True, False, True], 4),
        ([True, True, False, False], None),
        ([True, True, False, False, True, True], 64),
    ],
    ids=str,
)
def test_two_answers_alike_change_what_an_axis_is(
    said: list[bool], since: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, 2, *said)
    for detail in PROSE[: 2 << (len(said) - 1)]:
        say([detail])
        theme_derivation.settle()
    assert ThemeAxis.objects.get().prose_since == since
    assert with_themes() == (["critic"] if since else [])
    if since is None:
        assert {table for table, found in rows().items() if found} == {"ThemeAxis"}
    before = rows()
    assert after_rebuild() == before


def test_the_first_axes_in_prose_have_themes_and_others_when_one_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_counting, "MOST_PROSE", 2)
    answers(monkeypatch, 2, True, True, False, False)
    for axis in ("c", "b", "a"):
        say(PROSE[:8], axis)
    theme_derivation.settle()
    assert with_themes() == ["b", "c"]
    assert set(ThemeAxis.objects.filter(is_prose=True).values_list("axis", flat=True)) == {"b", "c"}
    say(PROSE[8:16], "c")
    theme_derivation.settle()
    assert with_themes() == ["a", "b"]
    before = rows()
    assert after_rebuild() == before


def test_it_is_asked_about_the_last_denials_up_to_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a step has read on, and whatever was said before."""
    say([f"agent '{at}' has no prompt" for at in range(700)])
    say(PROSE[:100])
    say([f"agent '{at}' has no prompt" for at in range(200)])
    theme_derivation.settle()
    assert (ThemeAxis.objects.get().denials, with_themes()) == (1_000, [])
    say(PROSE + PROSE[:200], "editor")
    assert theme_counting.is_prose("critic", 800, no_rest) is False
    assert theme_counting.is_prose("editor", 1_000 + len(PROSE), no_rest) is True
    assert theme_counting.is_prose("editor", 1_000 + 49, no_rest) is False


def test_new_rules_empty_everything_and_derive_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    say(PROSE)
    theme_derivation.settle()
    before, version = rows(), theme_rows_read().version
    monkeypatch.setattr(themes, "RULES_VERSION", themes.RULES_VERSION + 1)
    monkeypatch.setattr(theme_rows, "ROWS_AT_ONCE", 50)
    assert theme_derivation.progress() == (0, len(PROSE), True)
    assert theme_derivation.step() is Step.WORKED
    assert not theme_derivation.is_done()
    assert not ThemeAxis.objects.exists()
    theme_derivation.settle()
    assert rows() == before
    assert theme_rows_read().version > version
    assert theme_derivation.progress() == (len(PROSE), len(PROSE), False)


def test_a_server_of_earlier_rules_leaves_later_ones_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    say(PROSE)
    theme_derivation.settle()
    before = rows()
    monkeypatch.setattr(themes, "RULES_VERSION", themes.RULES_VERSION - 1)
    say(PROSE[:10])
    assert theme_derivation.step() is Step.DONE
    assert theme_derivation.is_done()
    assert rows() == before


def test_progress_says_up_to_where_denials_have_themes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_grouping, "DENIALS_AT_ONCE", 30)
    append([make_rejected("other", issue_id="first"), make_rejected("other", issue_id="second")])
    theme_derivation.settle()
    assert theme_derivation.progress() == (2, 2, False)
    say(PROSE[:120])
    assert theme_derivation.progress() == (2, 122, False)
    seen = []
    while theme_derivation.step() is Step.WORKED:
        seen.append(theme_derivation.progress().up_to)
    assert seen == [32, 62, 92, 122]


def test_hostile_details_are_counted_and_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, 2, *[True] * 8)
    drawn = random.Random(0)
    say([drawn.choice(HOSTILE) + " ".join(f"w{drawn.random()}" for _ in range(3)) for _ in range(100)])
    say(HOSTILE * 3)
    theme_derivation.settle()
    axis = ThemeAxis.objects.get()
    assert axis.grouped == axis.denials == 100 + 3 * len(HOSTILE)
    assert 0 < DenialTheme.objects.count() < axis.denials
    before = rows()
    assert after_rebuild() == before


def test_an_entry_denied_by_many_axes_in_prose_has_a_row_for_each_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_counting, "MOST_PROSE", 3)
    answers(monkeypatch, 1, *[True] * 4)
    say(PROSE[:4], *[f"axis-{at:02}" for at in range(70)])
    theme_derivation.settle()
    assert ThemeAxis.objects.filter(prose_since=2).count() == 70
    assert with_themes() == ["axis-00", "axis-01", "axis-02"]
    assert DenialTheme.objects.count() == 12


def test_looking_for_work_reads_no_table_from_end_to_end() -> None:
    say(PROSE[:120])
    theme_derivation.settle()
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        assert theme_derivation.is_done()
        assert theme_derivation.step() is Step.DONE
        theme_derivation.progress()
        theme_rows.positions("critic", 0, 120, 500)
    assert len(captured) < 20
    assert whole_tables(captured) == set()


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


def test_a_server_that_keeps_up_rests_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, began = Clock(), []
    monkeypatch.setattr(theme_derivation, "time", clock)
    monkeypatch.setattr(theme_derivation, "_rests_until", 0.0)
    add = theme_grouping.add

    def slow(*arguments: Any) -> Any:
        began.append(clock.now_s)
        clock.now_s += 0.25
        return add(*arguments)

    monkeypatch.setattr(theme_grouping, "add", slow)
    say(PROSE[:120])
    for detail in PROSE[120:160]:
        theme_derivation.step(rests=True)
        say([detail])
        clock.now_s += 0.25
    assert began == [100.0, 102.75, 105.5, 108.25]
    assert not theme_derivation.is_done()


def test_a_server_that_has_just_come_to_the_end_rests_although_it_was_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(theme_derivation, "time", clock)
    monkeypatch.setattr(theme_derivation, "_rests_until", 0.0)
    say(PROSE[:120])
    assert theme_derivation.step(rests=True) is Step.WORKED
    assert theme_derivation.rests_s() == theme_derivation.GATHER_S
    say(PROSE[120:121])
    assert theme_derivation.step(rests=True) is Step.DONE
    clock.now_s += theme_derivation.GATHER_S
    assert theme_derivation.step(rests=True) is Step.WORKED


def test_a_server_with_much_to_do_does_not_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_derivation, "_rests_until", 0.0)
    monkeypatch.setattr(theme_grouping, "DENIALS_AT_ONCE", 20)
    say(PROSE[:150])
    for _ in range(6):
        assert theme_derivation.step(rests=True) is Step.WORKED
        assert theme_derivation.rests_s() == 0
    for _ in range(2):
        assert theme_derivation.step() is Step.WORKED
    assert theme_derivation.is_done()


@pytest.mark.django_db(transaction=True)
def test_a_worker_gives_denials_their_themes_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_derivation, "GATHER_S", 0.05)
    monkeypatch.setattr(pattern_worker, "POLL_S", 0.05)
    ends = threading.Event()
    thread = pattern_worker.start(ends)
    say(PROSE[:120])
    wait_for(lambda: DenialTheme.objects.count() == 120)
    say(PROSE[120:121])
    wait_for(lambda: DenialTheme.objects.count() == 121)
    ends.set()
    waking.work_waits.set()
    thread.join(10)
    assert not thread.is_alive()
