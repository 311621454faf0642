"""Themes follow from the log alone: whoever derives them, in whatever steps, and whenever."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from django.db import models

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.models import DenialTheme, ThemeAxis, ThemeLabel, ThemeState, ThemeTally, ThemeWording
from enhancelog.store import theme_derivation
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_rejected
from tests.strategies import NOW_MS
from tests.themes import policies
from tests.themes.paraphrases import denials
from tests.themes.scoring import themes_of

pytestmark = pytest.mark.django_db

ROWS: tuple[type[models.Model], ...] = (ThemeAxis, ThemeState, ThemeLabel, DenialTheme, ThemeTally, ThemeWording)
PROSE = [one.detail for one in denials(policies.REASONS)]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)


def denial(detail: str, number: int | str, *axes: str) -> Entry:
    return make_rejected(*(axes or ("critic",)), issue_id=f"h-{number}", detail=detail, ts_ms=NOW_MS)


def append(log: Sequence[Entry]) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append_batch(log)


def log_of(details: Iterable[str], *axes: str) -> list[Entry]:
    return [denial(detail, f"{axes}{number}", *axes) for number, detail in enumerate(details)]


def rows() -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table in ROWS:
        columns = [field.attname for field in table._meta.concrete_fields if field.attname != "id"]
        found[table.__name__] = sorted(table._default_manager.values_list(*columns), key=repr)
    return found


def themes() -> list[int | None]:
    """Of each denial of the critic that has one, by position."""
    themes_by_wording = dict(ThemeWording.objects.filter(axis="critic").values_list("number", "theme"))
    wordings = DenialTheme.objects.filter(axis="critic").order_by("entry_id").values_list("wording", flat=True)
    return [themes_by_wording[wording] for wording in wordings]


def test_denials_in_prose_have_the_themes_of_the_pure_rules() -> None:
    append(log_of(PROSE))
    theme_derivation.settle()
    assert themes() == themes_of(PROSE)
    assert theme_derivation.is_done()
    tallied = Counter(dict(ThemeTally.objects.values_list("wording", "denied")))
    assert tallied == Counter(DenialTheme.objects.values_list("wording", flat=True))
    assert set(ThemeLabel.objects.values_list("theme", flat=True)) == set(themes()) - {None}
