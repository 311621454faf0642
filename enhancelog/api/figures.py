"""What resources that count runs of a window have in common."""

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.api.base import tagged
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.queries.charts import MOST_HOURS, Window


def plain_filter(request: Request, taken: tuple[str, ...]) -> EntryFilter:
    """Raises ``Invalid`` for a filter that is not in ``taken``, times excepted."""
    wanted = filters.parse(dict(request._request.GET.lists()), now_ms())
    for name in (*wanted.include, *(f"not_{name}" for name in wanted.exclude)):
        if name not in taken:
            usable = ", ".join((*taken, "since", "until", "period"))
            raise Invalid(name, "combination", f"cannot be used here; these can: {usable}")
    return wanted


def window_of(wanted: EntryFilter) -> Window:
    """Raises ``Invalid`` if it is neither of whole days nor short."""
    since_ms, until_ms = wanted.since_ms, wanted.until_ms
    if not any(bound is not None and bound % DAY_MS for bound in (since_ms, until_ms)):
        return Window(since_ms, until_ms)
    if since_ms is None or until_ms is None or until_ms - since_ms > MOST_HOURS * HOUR_MS:
        raise Invalid(
            "since", "combination", f"with until or period, must bound whole UTC days, or at most {MOST_HOURS} hours"
        )
    return Window(since_ms, until_ms, hourly=True)


def answer(request: Request, body: object) -> HttpResponse:
    return tagged(request._request, msgspec.json.encode(body), MEDIA_TYPES["json"])
