"""``/differences/``: what is different about a filter's entries."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import comparisons, filter_box, filters
from enhancelog.domain.comparisons import AGAINST
from enhancelog.domain.differences import MOST_TESTED, Difference
from enhancelog.domain.errors import Invalid
from enhancelog.domain.feature_words import FeatureWords, feature_words
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.intervals import FEW
from enhancelog.queries import differences as log
from enhancelog.queries import prompts
from enhancelog.queries.counts import count
from enhancelog.queries.horizon import horizon
from enhancelog.store.database import last_position
from enhancelog.web import list_requests, periods
from enhancelog.web.htmx import is_fragment, page_or_fragment
from enhancelog.web.list_requests import LONGEST_FILTER, FilteredPage, ListRequest
from enhancelog.web.revalidation import revalidated

MOST_SHOWN: Final = 60
AT_ONCE: Final = 5_000  # entries of a log that are compared before the page is sent
WHOLE: Final = ("whole", "1")  # a parameter: compare before the page is sent

_PATH: Final = links.differences()


class Side(NamedTuple):
    # ``since``: empty unless older entries were left out.

    filter: str
    entries: int
    url: str
    since: str


class Share(NamedTuple):
    # ``url``: empty if no page takes the filter, which is too long or has an empty value.

    number: int
    of: int
    url: str


class Row(NamedTuple):
    # ``low`` and ``high``: bounds of the difference in percentage points.

    feature: FeatureWords
    inside: Share
    outside: Share
    low: int
    high: int


class Choice(NamedTuple):
    label: str
    url: str
    is_current: bool


@require_safe
@needs("log:read")
@revalidated()
@list_requests.redirects_or_refuses
def difference_list(request: HttpRequest) -> HttpResponse:
    second = request.GET.get(AGAINST, "")
    fixed = ((AGAINST, second),) if second else ()
    list_request = list_requests.read(request, FilteredPage(_PATH, fixed=fixed, empty_id=True, title="Differences"))
    context = {
        "section": "",
        "list_request": list_request,
        "most": log.MOST_ENTRIES,
        "few": FEW,
        "pending": False,
        "most_tested": MOST_TESTED,
    }
    if not comparisons.conditions(list_request.given) and not second:
        return page_or_fragment(request, "differences/page.jinja", {**context, "found": None, "choices": ()})
    try:
        filters.check_single(dict(request.GET.lists()), AGAINST)
        wanted, against = list_request.wanted, _against(list_request, second)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    context |= {
        "choices": _choices(list_request, second),
        "with_others": not second,
        "has_times": any(comparisons.is_time(name) for name, _ in list_request.given),
    }
    if not is_fragment(request) and WHOLE not in request.GET.items() and last_position() > AT_ONCE:
        context |= _pending(list_request, wanted, against)
    else:
        context |= _found(wanted, against)
    return page_or_fragment(request, "differences/page.jinja", context)


def _against(list_request: ListRequest, second: str) -> EntryFilter:
    now_ms = list_request.wanted.now_ms
    if second:
        return comparisons.against(second, now_ms)
    return filters.from_pairs(comparisons.complement(list_request.wanted.pairs), now_ms)


def _choices(list_request: ListRequest, second: str) -> list[Choice]:
    given = list_request.given
    found = [Choice("all others", links.differences(given), not second)] if comparisons.conditions(given) else []
    offered = [links.with_query("", each.pairs)[1:] for each in comparisons.choices(given)]
    for text in dict.fromkeys([*offered, *([second] if second else [])]):
        pairs = filters.query_pairs(text, AGAINST)
        found.append(Choice(filter_box.render(pairs), links.differences(given, pairs), text == second))
    return found if len(found) > 1 else []


def _pending(list_request: ListRequest, wanted: EntryFilter, against: EntryFilter) -> dict[str, Any]:
    fixed = list_request.filtered_page.fixed
    return {
        "pending": True,
        "counts": [count(each, horizon(each)) for each in (wanted, against)],
        "url": list_request.url(),
        "whole_url": links.with_query(_PATH, [*list_request.given, *fixed, WHOLE]),
    }


def _found(wanted: EntryFilter, against: EntryFilter) -> dict[str, Any]:
    found = log.differences(wanted, against)
    inside, outside = _pairs(wanted, found.inside), _pairs(against, found.outside)
    return {
        "found": found,
        "sides": (_side(inside, found.inside), _side(outside, found.outside)),
        "left_out": [feature_words((name, "")).kind for name in found.left_out],
        "prompt": prompts.of_differences(found, wanted, against),
        "rows": [_row(each, found, inside, outside) for each in found.found[:MOST_SHOWN]],
    }


def _pairs(wanted: EntryFilter, side: log.Side) -> list[tuple[str, str]]:
    since_ms = wanted.since_ms if side.since_ms is None else side.since_ms
    return [*comparisons.conditions(wanted.pairs), *links.between(since_ms, wanted.until_ms)]


def _side(pairs: Sequence[tuple[str, str]], side: log.Side) -> Side:
    since = "" if side.since_ms is None else periods.span_in_words(side.since_ms, None)
    return Side(filter_box.render(pairs), side.entries, _url(pairs), since)


def _row(
    each: Difference, found: log.Differences, inside: list[tuple[str, str]], outside: list[tuple[str, str]]
) -> Row:
    low, high = (round(100 * bound) for bound in each.interval)
    return Row(
        feature_words(each.feature),
        Share(each.inside, found.inside.entries, _url([*inside, each.feature])),
        Share(each.outside, found.outside.entries, _url([*outside, each.feature])),
        low,
        high,
    )


def _url(pairs: Sequence[tuple[str, str]]) -> str:
    others = [pair for pair in pairs if pair != ("blueprint_id", "")]
    is_one_list = all(value for _, value in others)
    if not is_one_list or len(filter_box.render(pairs)) > LONGEST_FILTER:
        return ""
    return links.runs(pairs) if len(others) == len(pairs) else links.blueprint("", others)
