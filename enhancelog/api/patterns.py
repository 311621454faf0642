from typing import Any, Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.derivation import wait_until_derived, with_derived_to
from enhancelog.api.errors import problem_response
from enhancelog.api.negotiation import MEDIA_TYPES, PROMPT_TYPES, answer_format
from enhancelog.domain import filters
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import now_ms
from enhancelog.queries import prompts
from enhancelog.queries.patterns.came_next import came_next
from enhancelog.queries.patterns.counted import SAMPLE, counted
from enhancelog.queries.patterns.detail import Known, detail, known
from enhancelog.queries.patterns.listing import MOST, listing

# The header of a response that counts only the newest entries
COUNTED: Final = "Enhancelog-Counted"


class PatternList(ApiView):
    """A bare array, most denials first."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, "page_size")
        wanted = filters.parse(parameters, now_ms())
        size = filters.page_size(parameters)
        up_to = wait_until_derived(request, wanted, patterns=True)
        found = listing(wanted, size or MOST)
        return with_derived_to(_answer(request, found.patterns, found.is_whole), up_to)


class PatternByItsId(ApiView):
    """Also found by the id of a merged template or an id from before a rules change."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, pattern_id: str) -> HttpResponse:
        wanted = filters.parse(dict(request._request.GET.lists()), now_ms())
        form = answer_format(request._request, PROMPT_TYPES)
        up_to = wait_until_derived(request, wanted, patterns=True)
        pattern = known(pattern_id)
        if pattern is None:
            return problem_response(404, f"There is no deny pattern {pattern_id[:80]}.")
        if form == "text":
            return with_derived_to(_prompt(request, pattern, wanted), up_to)
        return with_derived_to(_answer(request, *detail(pattern, wanted)), up_to)


def _prompt(request: Request, pattern: Known, wanted: EntryFilter) -> HttpResponse:
    denied = sum(row.number for row in counted(wanted, pattern.id).rows)
    text = prompts.of_pattern(pattern, denied, came_next(pattern.id, wanted), wanted)
    return tagged(request._request, text.encode(), PROMPT_TYPES["text"])


def _answer(request: Request, body: Any, is_whole: bool) -> HttpResponse:
    response = tagged(request._request, msgspec.json.encode(body), MEDIA_TYPES["json"], is_whole)
    if not is_whole:
        response[COUNTED] = f"newest {SAMPLE}"
    return response
