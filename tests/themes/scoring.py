"""What a log would keep of themes, and how well they are told apart."""

from collections.abc import Iterable

from enhancelog.themes import Move, Themes


class Ledger:
    """Two columns for each wording, its leader and its theme, which follow the moves."""

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
                self._follow(move)

    def assigned(self) -> list[int | None]:
        """For every detail its theme."""
        leaders = {wording: leader for leader, led in self._led.items() for wording in led}
        return [None if wording is None else self._theme[leaders[wording]] for wording in self.wordings]

    def _follow(self, move: Move) -> None:
        led = self._led.pop(move.led, {move.led})
        self._led.setdefault(move.leader, set()).update(led)
        self._theme[move.leader] = move.theme


def assigned(details: Iterable[str]) -> list[int | None]:
    ledger = Ledger()
    ledger.add(details)
    return ledger.assigned()
