from typing import Any, Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api import pattern_states
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.derivation import wait_until_derived, with_derived_to
from enhancelog.api.negotiation import MEDIA_TYPES, PROMPT_TYPES, answer_format
from enhancelog.api.pattern_states import no_such_pattern
from enhancelog.domain import filters
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import now_ms
from enhancelog.queries import prompts
from enhancelog.queries.patterns import in_state
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
        states = [in_state.checked(state) for state in parameters.get("state", ())]
        up_to = wait_until_derived(request, wanted, patterns=True)
        found = listing(wanted, size or MOST, states)
        return with_derived_to(_answer(request, found.patterns, found.is_whole), up_to)


class PatternByItsId(ApiView):
    """Also found by the id of a merged template or an id from before a rules change."""

    def get_permissions(self) -> list[Any]:
        return [Allows("triage:write" if self.request.method == "PATCH" else "log:read")()]

    def get(self, request: Request, pattern_id: str) -> HttpResponse:
        wanted = filters.parse(dict(request._request.GET.lists()), now_ms())
        form = answer_format(request._request, PROMPT_TYPES)
        up_to = wait_until_derived(request, wanted, patterns=True)
        pattern = known(pattern_id)
        if pattern is None:
            return no_such_pattern(pattern_id)
        if form == "text":
            return with_derived_to(_prompt(request, pattern, wanted), up_to)
        return with_derived_to(_answer(request, *detail(pattern, wanted)), up_to)

    def patch(self, request: Request, pattern_id: str) -> HttpResponse:
        return pattern_states.change(request, pattern_id)


class PatternHistory(ApiView):
    """A bare array, the newest change first."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, pattern_id: str) -> HttpResponse:
        return pattern_states.history(request, pattern_id)


def _prompt(request: Request, pattern: Known, wanted: EntryFilter) -> HttpResponse:
    denied = sum(row.number for row in counted(wanted, pattern.id).rows)
    text = prompts.of_pattern(pattern, denied, came_next(pattern.id, wanted), wanted)
    return tagged(request._request, text.encode(), PROMPT_TYPES["text"])


def _answer(request: Request, body: Any, is_whole: bool) -> HttpResponse:
    response = tagged(request._request, msgspec.json.encode(body), MEDIA_TYPES["json"], is_whole)
    if not is_whole:
        response[COUNTED] = f"newest {SAMPLE}"
    return response
