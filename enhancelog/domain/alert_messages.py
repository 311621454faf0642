"""What an alert's message says, before it is written for where it goes."""

from collections.abc import Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """``text`` may come from agents. ``path``: of a page here; empty: none."""

    text: str
    path: str = ""


class Message(NamedTuple):
    title: Line
    lines: Sequence[Line]
