"""Themes of one axis: denials that say the same in other words."""

# A detail is added to the *wording* that shares most of its words, for good, or begins one. A *theme* is a set of
# wordings. Wordings are grouped anew whenever the number of details has doubled or there are too many wordings; in
# between, a new one joins the theme that it is most like. All of this depends on nothing but the details added so far,
# in order: whoever adds them again gets the same themes, however often the state was saved in between.

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from enhancelog.themes.content_words import content_words
from enhancelog.themes.linkage import Join, joins
from enhancelog.themes.wordings import Saved, Wording, Wordings, labels

# Wordings that are told apart. When there are as many, half of them are folded into others or retire.
MOST_WORDINGS: Final = 512
# The cosine from which on a detail is of a wording
SAME_WORDING: Final = 0.45
# The mean cosine from which on wordings are of one theme
SAME_THEME: Final = 0.09
# Details before words are weighed
FEWEST: Final = 16
LABEL_WORDS: Final = 4


class Move(NamedTuple):
    """What ``led`` led is now led by ``leader``."""

    led: int
    leader: int
    theme: int | None  # of the leader; ``None``: it retired


class Placed(NamedTuple):
    wording: int | None  # ``None``: the detail has no words
    moves: tuple[Move, ...]  # in order; of any wordings, a new one among them


class _State(Struct):
    details: int
    wordings_begun: int
    saved: Saved


def no_rest() -> None: ...


class Themes:
    def __init__(self, saved: bytes = b"", rest: Callable[[], None] = no_rest) -> None:
        """Raises ``msgspec.DecodeError`` if ``save`` did not make ``saved``. ``rest`` is called during a grouping."""
        state = msgspec.json.decode(saved, type=_State) if saved else _State(0, 0, Saved({}, {}, 1.0))
        self._state = state
        self._wordings = Wordings(state.saved)
        self._rest = rest

    def add(self, detail: str) -> Placed:
        words = content_words(detail)
        if not words:
            return Placed(None, ())
        number, moves = self._placed(words)
        details = self._state.details = self._state.details + 1
        if (details >= FEWEST and details.bit_count() == 1) or len(self._wordings.by_number) >= MOST_WORDINGS:
            moves += self._settled()
        return Placed(number, tuple(moves))

    def save(self) -> bytes:
        """Holds words of the details."""
        return msgspec.json.encode(self._state)

    def sizes(self) -> dict[int, int]:
        """Denials of each theme, which is named by its first wording."""
        found: dict[int, int] = defaultdict(int)
        for wording in self._wordings.by_number.values():
            found[wording.theme] += wording.denials
        return dict(sorted(found.items()))

    def labels(self) -> dict[int, tuple[str, ...]]:
        """Telling words of each theme."""
        return labels(self._wordings.by_number.values(), LABEL_WORDS)

    def _placed(self, words: Mapping[str, str]) -> tuple[int, list[Move]]:
        alike = self._wordings.alike(words)
        cosines = {number: value / self._wordings.by_number[number].length for number, value in alike.items()}
        nearest = max(cosines, key=lambda number: (cosines[number], -number), default=None)
        if nearest is not None and cosines[nearest] >= SAME_WORDING:
            self._wordings.add(nearest, words)
            return nearest, []
        number = self._state.wordings_begun
        self._state.wordings_begun += 1
        theme = self._nearest_theme(alike)
        wording = Wording(number if theme is None else theme, dict(words), dict.fromkeys(words, 1))
        self._wordings.put(number, wording)
        return number, [Move(number, number, wording.theme)]

    def _nearest_theme(self, alike: Mapping[int, float]) -> int | None:
        sums: dict[int, float] = defaultdict(float)
        parts: dict[int, int] = defaultdict(int)
        for number, wording in self._wordings.by_number.items():
            sums[wording.theme] += alike.get(number, 0.0) * wording.folded
            parts[wording.theme] += wording.folded
        means = {theme: total / parts[theme] for theme, total in sums.items()}
        nearest = max(means, key=lambda theme: (means[theme], -theme), default=None)
        return nearest if nearest is not None and means[nearest] >= SAME_THEME else None

    def _settled(self) -> list[Move]:
        self._wordings.weigh()
        wordings = self._wordings.by_number
        folded = {number: wording.folded for number, wording in wordings.items()}
        found = joins(self._wordings.all_alike(self._rest), folded, SAME_THEME, self._rest)
        themes = {number: number for number in wordings}
        for join in reversed(found):
            themes[join.taken] = themes[join.into]
        moved = [Move(number, number, theme) for number, theme in themes.items() if wordings[number].theme != theme]
        for move in moved:
            wordings[move.led].theme = themes[move.led]
        return moved + (self._made_room(found) if len(wordings) >= MOST_WORDINGS else [])

    def _made_room(self, found: list[Join]) -> list[Move]:
        excess = len(self._wordings.by_number) - MOST_WORDINGS // 2
        moves: list[Move] = []
        for into, taken in found[:excess]:
            self._wordings.fold(into, taken)
            moves.append(Move(taken, into, self._wordings.by_number[into].theme))
        # Each theme is one wording by now. The smallest and oldest retire.
        sizes = {number: wording.denials for number, wording in self._wordings.by_number.items()}
        by_size = sorted(sizes, key=lambda number: (sizes[number], number))
        for number in by_size[: excess - len(moves)]:
            self._wordings.remove(number)
            moves.append(Move(number, number, None))
        return moves
