"""Texts of an entry that may be long."""

from typing import Final, NamedTuple

from enhancelog.domain.text import first_line

FOLDED_CHARACTERS: Final = 1_500
"""Longer texts start folded."""


class Text(NamedTuple):
    """A text that may be long: ``start`` stands for it while it is folded."""

    whole: str
    start: str

    @property
    def folded(self) -> bool:
        return bool(self.start)


def text(whole: str) -> Text:
    """Folded when it is long."""
    return Text(whole, first_line(whole) if len(whole) > FOLDED_CHARACTERS else "")
