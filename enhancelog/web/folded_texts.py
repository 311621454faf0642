"""Texts that are folded if long."""

from typing import Final, NamedTuple

from enhancelog.domain.text import first_line

FOLDED_CHARACTERS: Final = 1_500


class Text(NamedTuple):
    """``start`` is shown while folded; empty if short."""

    whole: str
    start: str

    @property
    def folded(self) -> bool:
        return bool(self.start)


def text(whole: str) -> Text:
    return Text(whole, first_line(whole) if len(whole) > FOLDED_CHARACTERS else "")
