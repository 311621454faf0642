from typing import Literal

import msgspec

from enhancelog.domain.intervals import Rate

Kind = Literal["prose", "not prose", "few denials", "too many axes", "not known"]


class ThemeFigures(msgspec.Struct):
    """``theme``: as the filter takes it. ``words``: the most telling first. ``denied``: of the axis's denials.
    ``newest``: the entry denied last, if that was looked for."""

    theme: str
    words: list[str]
    denied: Rate
    newest: str | None


class AxisThemes(msgspec.Struct):
    """``rest``: denials of none of these themes. ``to_come``: entries that have not been read yet."""

    axis: str
    kind: Kind
    denials: int
    themes: list[ThemeFigures]
    rest: int
    to_come: int
