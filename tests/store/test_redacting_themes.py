"""A redaction takes a detail out of the themes of its axis, whoever derives them at the same time."""

import pytest
from django.db import connection

from enhancelog.domain.origin import Origin
from enhancelog.domain.redactions import REDACTED
from enhancelog.models import DenialTheme, ThemeAxis, ThemeLabel, ThemeState
from enhancelog.patterns import no_rest
from enhancelog.store import redacting, theme_counting, theme_derivation, theme_grouping
from enhancelog.store.pattern_groups import Step
from enhancelog.store.verification import verify
from tests.factories import make_rejected
from tests.store.test_redacting_meanwhile import before_next
from tests.store.test_themes import PROSE, after_rebuild, append, rows, say, with_themes
from tests.tables import holding

pytestmark = pytest.mark.django_db

SECRET = "hunterzwei"
TOLD = f"The {SECRET} account of the {SECRET} vault was named, and {SECRET} is nobody's business."
STAFF = Origin("user", "ada", "page")
BEFORE = 120  # denials; prose from the 100th on


def tell_it() -> None:
    """So often that its theme is called by it; once in an entry that also tells it the editor."""
    for number in range(4):
        axes = ("critic", "editor") if number == 3 else ("critic",)
        append([make_rejected(*axes, issue_id=f"s{number}", detail=TOLD)])


def redact(*numbers: int) -> None:
    for number in numbers:
        redacting.redact(f"s{number}", ["details"], "a key in clear", STAFF)


def themes_hold(text: str) -> list[str]:
    return [column for column in holding(text) if "theme" in column]


@pytest.fixture
def told() -> None:
    say(PROSE[:BEFORE])
    tell_it()
    say(PROSE[BEFORE : BEFORE + 30])
    theme_derivation.settle()


def test_the_words_are_gone_in_its_transaction_and_the_rest_is_derived_again(told: None) -> None:
    assert themes_hold(SECRET) == ["enhancelog_themelabel.words", "enhancelog_themestate.saved"]
    denials = DenialTheme.objects.filter(axis="critic").count()
    redact(0, 1, 2, 3)
    assert holding(SECRET) == []
    assert (ThemeState.objects.count(), ThemeLabel.objects.count()) == (0, 0)
    assert not theme_derivation.is_done()
    assert theme_derivation.progress().up_to == 0
    theme_derivation.settle()
    assert holding(SECRET) == []
    assert not ThemeLabel.objects.filter(words__contains=REDACTED.strip("[]")).exists()
    assert DenialTheme.objects.filter(axis="critic").count() == denials - 4
    assert ThemeAxis.objects.get(axis="critic").denials == BEFORE + 34
    assert list(verify()) == []
    before = rows()
    assert after_rebuild() == before


def test_only_its_axes_start_over(told: None) -> None:
    say(PROSE[:BEFORE], "linter")
    theme_derivation.settle()
    of_linter = ThemeState.objects.get(axis="linter").saved
    redact(0)
    assert list(ThemeAxis.objects.filter(starts_over=True).values_list("axis", flat=True)) == ["critic"]
    assert list(ThemeState.objects.values_list("axis", "saved")) == [("linter", of_linter)]


def test_a_text_that_is_no_detail_changes_nothing(told: None) -> None:
    before = rows()
    redacting.redact("s0", ["intent"], "a name", STAFF)
    assert rows() == before


def test_a_denial_that_was_not_counted_yet_does_not_start_its_axis_over() -> None:
    say(PROSE[:20])
    tell_it()
    redact(0, 1, 2, 3)
    assert not ThemeAxis.objects.filter(starts_over=True).exists()
    theme_derivation.settle()
    assert ThemeAxis.objects.get(axis="critic").denials == 24


def test_whether_the_axis_is_prose_is_asked_again_without_what_was_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few denials are left at the time of the first two answers that they are no."""
    tell_it()
    say(PROSE[:100])
    theme_derivation.settle()
    assert with_themes() == ["critic"]
    redact(0)
    theme_derivation.settle()
    assert ThemeAxis.objects.get(axis="critic").denials == 104
    assert with_themes() == []
    before = rows()
    assert after_rebuild() == before


@pytest.mark.parametrize("where", ["grouping", "counting", "recounting"])
def test_who_has_read_it_before_writes_nothing_of_it(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    say(PROSE[:BEFORE])
    tell_it()
    if where == "grouping":
        while theme_counting.step(no_rest) is not Step.DONE:
            pass
        before_next(monkeypatch, theme_grouping, "labels_of", lambda: redact(0, 1, 2, 3))
        assert theme_grouping.step(no_rest) is Step.BUSY
    elif where == "counting":
        before_next(monkeypatch, theme_counting, "counted", lambda: redact(0, 1, 2, 3))
        assert theme_counting.step(no_rest) is Step.BUSY
    else:
        theme_derivation.settle()
        redact(0, 1, 2)
        before_next(monkeypatch, theme_counting, "counted", lambda: redact(3))
        while theme_derivation.step() is Step.WORKED:
            pass
        assert ThemeAxis.objects.filter(starts_over=True).exists()
    assert holding(SECRET) == []
    theme_derivation.settle()
    assert holding(SECRET) == []
    before = rows()
    assert after_rebuild() == before


def test_what_was_kept_in_memory_of_it_is_not_gone_on_with(told: None) -> None:
    redact(0, 1, 2, 3)
    say([TOLD.replace(SECRET, "account")])
    theme_derivation.settle()
    assert themes_hold(SECRET) == []


def test_tables_that_may_have_held_it_are_freed_of_it() -> None:
    assert {ThemeState._meta.db_table, ThemeLabel._meta.db_table} <= set(redacting.tables())


def test_many_rows_go_in_steps(told: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.theme_rows.ROWS_AT_ONCE", 40)
    rows_before = DenialTheme.objects.count()
    redact(0)
    assert theme_derivation.step() is Step.WORKED
    assert DenialTheme.objects.count() == rows_before - 1 - 40
    with connection.cursor() as cursor:
        assert theme_grouping.is_done(cursor)  # nothing is added to what goes
    theme_derivation.settle()
    assert DenialTheme.objects.count() == rows_before - 1
