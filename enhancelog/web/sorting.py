"""Headings of sortable tables."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import Order


class Column(NamedTuple):
    """``url``: empty if not sortable."""

    label: str
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


def checked(by: str, known: Sequence[str]) -> str:
    """Raises ``Invalid`` (sort)."""
    if by not in known:
        raise Invalid("sort", "choice", f'must be one of {", ".join(known)}, not "{by[:40]}"')
    return by


def usual_order(by: str) -> Order:
    return "asc" if by in ("name", "axis") else "desc"
