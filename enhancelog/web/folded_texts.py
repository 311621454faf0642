"""Texts that are folded if long."""

from typing import Final, NamedTuple

from enhancelog.domain.telling_lines import shown_line
from enhancelog.domain.terminal import without_terminal_codes

FOLDED_CHARACTERS: Final = 1_500


class Text(NamedTuple):
    """``start`` is shown while folded; empty if short."""

    whole: str
    start: str

    @property
    def folded(self) -> bool:
        return bool(self.start)


def text(whole: str) -> Text:
    whole = without_terminal_codes(whole)
    return Text(whole, shown_line(whole) if len(whole) > FOLDED_CHARACTERS else "")
