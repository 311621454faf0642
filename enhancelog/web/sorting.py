"""Headings of sortable tables."""

from collections.abc import Callable
from typing import NamedTuple

from enhancelog.domain.filters import Order


class Column(NamedTuple):
    """``label``: empty if the template names it. ``url``: empty if not sortable."""

    label: str = ""
    url: str = ""
    order: Order | None = None
    style: str = ""
    id: str = ""  # htmx needs it to keep the focus


class Sorting(NamedTuple):
    """``url`` takes ``sort`` and ``order``."""

    by: str
    order: Order
    url: Callable[..., str]

    def column(self, label: str, by: str, style: str = "", id: str = "") -> Column:
        order = self.order if self.by == by else None
        turned: Order = usual_order(by) if order is None else "desc" if order == "asc" else "asc"
        return Column(label, self.url(sort=by, order=turned), order, style, id)


def usual_order(by: str) -> Order:
    return "asc" if by in ("name", "axis") else "desc"
