"""Themes as filters name them: an axis and the number of a wording, as in ``tone:7``."""

import re
from typing import Final, NamedTuple

from enhancelog.domain.errors import Invalid

SCHEMA: Final = r"^[\s\S]+:(0|[1-9][0-9]{0,8})$"

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}+")


class ThemeId(NamedTuple):
    """``number``: of any of its wordings."""

    axis: str
    number: int

    def __str__(self) -> str:
        return f"{self.axis}:{self.number}"


def read(value: str) -> ThemeId | None:
    """``None`` if malformed."""
    axis, _, number = value.rpartition(":")  # an axis may contain colons
    if not axis or not _NUMBER.fullmatch(number):
        return None
    return ThemeId(axis, int(number))


def check(name: str, value: str) -> None:
    """Raises ``Invalid`` (the parameter's name)."""
    if read(value) is None:
        shown = value if len(value) <= 40 else f"{value[:20]}…{value[-19:]}"
        raise Invalid(name, "theme", f'must be an axis, ":" and the number of a theme, as in tone:7; not "{shown}"')
