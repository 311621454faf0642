"""What a log would keep of themes, and how well they are told apart."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from enhancelog.themes import Themes
from tests.patterns.scoring import f1
from tests.themes.paraphrases import denials


class Ledger:
    """Each wording's leader and theme, which follow the moves, as two columns of a table would."""

    def __init__(self) -> None:
        self.themes = Themes()
        self.wordings: list[int | None] = []
        self._led: dict[int, set[int]] = {}
        self._theme: dict[int, int | None] = {}

    def add(self, details: Iterable[str]) -> None:
        for detail in details:
            placed = self.themes.add(detail)
            self.wordings.append(placed.wording)
            for move in placed.moves:
                led = self._led.pop(move.led, {move.led})
                self._led.setdefault(move.leader, set()).update(led)
                self._theme[move.leader] = move.theme

    def restart(self) -> None:
        self.themes = Themes(self.themes.save())

    def assigned(self) -> list[int | None]:
        """For every detail its theme."""
        leaders = {wording: leader for leader, led in self._led.items() for wording in led}
        return [None if wording is None else self._theme[leaders[wording]] for wording in self.wordings]


def themes_of(details: Sequence[str]) -> list[Hashable]:
    """A detail without a theme is alone."""
    ledger = Ledger()
    ledger.add(details)
    return [("alone", place) if theme is None else theme for place, theme in enumerate(ledger.assigned())]


def scores(
    reasons: Mapping[str, Sequence[str]], grouping: Callable[[Sequence[str]], Sequence[Hashable]], seeds: Iterable[int]
) -> list[float]:
    """Pairwise F1, once a seed."""
    found = []
    for seed in seeds:
        said = denials(reasons, seed)
        found.append(f1([one.reason for one in said], grouping([one.detail for one in said])))
    return found
