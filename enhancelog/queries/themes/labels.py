"""What themes are called."""

from collections.abc import Iterable

from enhancelog.domain.theme_ids import ThemeId
from enhancelog.models import ThemeLabel
from enhancelog.queries.themes.of_filter import ids, known


def words_of(values: Iterable[str]) -> dict[str, str]:
    """By the filter's value, also if its number is not the theme's own; without those that are no themes."""
    found: dict[str, str] = {}
    wanted = ids(values)
    for axis in {each.axis for each in wanted}:
        numbers = [each.number for each in wanted if each.axis == axis]
        today = dict(known(axis, numbers).filter(theme__isnull=False).values_list("number", "theme"))
        labels = words_by_theme(axis, today.values())
        found |= {str(ThemeId(axis, number)): ", ".join(labels.get(theme or 0, ())) for number, theme in today.items()}
    return found


def words_by_theme(axis: str, themes: Iterable[int | None]) -> dict[int, list[str]]:
    rows = ThemeLabel.objects.filter(axis=axis, theme__in=list(themes)).values_list("theme", "words")
    return {theme: words.split(" ") for theme, words in rows}
