"""``verify_log`` finds each row of themes that does not follow from the log."""

from collections.abc import Callable

import pytest
from django.db.models import F

from enhancelog import themes
from enhancelog.models import DenialTheme, ThemeAxis, ThemeLabel, ThemeProgress, ThemeState, ThemeTally, ThemeWording
from enhancelog.store import theme_derivation, theme_grouping, theme_verification
from enhancelog.store.rebuilding import rebuild_projections
from tests.store.test_redacting_meanwhile import before_next
from tests.store.test_themes import PROSE, say

pytestmark = pytest.mark.django_db

HINT = "; run rebuild_projections"


@pytest.fixture(autouse=True)
def log() -> None:
    say(PROSE[:150])
    say([f"agent '{at}' has no prompt" for at in range(60)], "linter")
    theme_derivation.settle()


def findings() -> list[str]:
    return list(theme_verification.PART.findings(lambda done: None))


def test_what_is_derived_has_no_findings_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings() == []
    monkeypatch.setattr(theme_grouping, "DENIALS_AT_ONCE", 40)
    say(PROSE[150:250])
    while not theme_derivation.is_done():
        assert findings() == []
        theme_derivation.step()
    assert findings() == []


def test_it_says_how_many_denials_it_has_replayed() -> None:
    heard: list[int] = []
    assert list(theme_verification.PART.findings(heard.append)) == []
    assert heard[-1] == theme_verification.PART.total() == DenialTheme.objects.count() > 100


def test_steps_end_elsewhere_than_those_of_the_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_verification, "DENIALS_AT_ONCE", 7)
    monkeypatch.setattr(theme_verification, "WORDINGS_AT_ONCE", 3)
    assert findings() == []


def _swap_wording() -> None:
    row = DenialTheme.objects.get(entry_id=70)
    DenialTheme.objects.filter(entry_id=70).update(wording=row.wording + 1)


def _add_row() -> None:
    row = DenialTheme.objects.get(entry_id=70)
    DenialTheme.objects.create(
        entry_id=180, axis="linter", wording=0, ts_ms=row.ts_ms, blueprint_id=row.blueprint_id, rejected=True
    )


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (_swap_wording, "what the denial by critic at position 70 says is not its theme"),
        (lambda: DenialTheme.objects.filter(entry_id=3).delete(), "what the denial by critic at position 3 says"),
        (lambda: DenialTheme.objects.filter(entry_id=9).update(blueprint_id="x"), "what the denial by critic at posi"),
        (_add_row, "enhancelog_denialtheme should not contain linter, which has no themes"),
        (
            lambda: ThemeWording.objects.filter(number=1).update(theme=99),
            "the wordings of critic are not in the themes",
        ),
        (lambda: ThemeWording.objects.filter(number=2).delete(), "the wordings of critic are not in the themes"),
        (
            lambda: ThemeWording.objects.create(axis="critic", number=10_000, leader=0, theme=0),
            "the wordings of critic are not in the themes",
        ),
        (lambda: ThemeTally.objects.filter(wording=1).update(denied=F("denied") + 1), "enhancelog_themetally does not"),
        (
            lambda: ThemeTally.objects.create(axis="critic", wording=10_000, day=1, denied=1, rejected=1),
            "enhancelog_themetally does not count",
        ),
        (lambda: ThemeLabel.objects.update(words="something else"), "the labels of the themes of critic are not"),
        (lambda: ThemeState.objects.update(saved=""), "the state of the themes of critic is not what"),
        (lambda: ThemeAxis.objects.filter(axis="linter").update(denials=61), "61 denials of linter are counted"),
        (lambda: ThemeAxis.objects.filter(axis="linter").delete(), "0 denials of linter are counted instead of 60"),
        (lambda: ThemeProgress.objects.all().delete(), "150 denials of critic are counted instead of 0"),
        (lambda: ThemeAxis.objects.filter(axis="critic").update(prose_since=50), "whether critic is prose is not what"),
    ],
)
def test_what_does_not_follow_from_the_log_is_found_and_a_rebuild_removes_it(
    tamper: Callable[[], object], said: str
) -> None:
    tamper()
    found = findings()
    assert any(line.startswith(said) and line.endswith(HINT) for line in found), found
    rebuild_projections()
    assert findings() == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda: ThemeAxis.objects.update(position=0, grouped=0),
        lambda: ThemeAxis.objects.update(position=70, grouped=70),
        lambda: ThemeAxis.objects.all().delete(),
        lambda: ThemeProgress.objects.all().delete(),
        lambda: ThemeState.objects.update(saved="damaged"),
        lambda: ThemeState.objects.all().delete(),
    ],
)
def test_a_rebuild_removes_what_would_not_let_others_follow(damage: Callable[[], object]) -> None:
    say(PROSE[150:250])
    damage()
    rebuild_projections()
    assert theme_derivation.is_done()
    assert findings() == []
    assert set(ThemeAxis.objects.values_list("axis", "denials")) == {("critic", 250), ("linter", 60)}


def test_what_is_emptied_or_of_other_rules_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    DenialTheme.objects.filter(entry_id=3).delete()
    ThemeAxis.objects.filter(axis="critic").update(starts_over=True, position=0, grouped=0)
    assert findings() == []
    ThemeAxis.objects.filter(axis="critic").update(starts_over=False)
    assert findings()
    ThemeProgress.objects.update(rules=themes.RULES_VERSION + 1)
    assert findings() == []


def test_denials_that_are_placed_meanwhile_are_replayed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    say(PROSE[150:200])
    before_next(monkeypatch, theme_grouping, "add", theme_derivation.settle)
    assert findings() == []
