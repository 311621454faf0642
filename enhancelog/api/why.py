from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.negotiation import PROMPT_TYPES, answer_format
from enhancelog.domain import filters, prompts
from enhancelog.domain.errors import Invalid
from enhancelog.domain.why import TriedBefore, Why
from enhancelog.queries.tried_before import DEFAULT_ATTEMPTS, MOST_ATTEMPTS, tried_before
from enhancelog.queries.why import why

_PARAMETERS: Final = ("blueprint_id", "intent", "prev_hash", "limit", "format", "max_chars")


class WhyRejected(ApiView):
    """At most 16 kB as JSON. Needs ``blueprint_id`` or ``prev_hash`` (400)."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        asked = request._request
        filters.check_single(dict(asked.GET.lists()), *_PARAMETERS)
        form = answer_format(asked, PROMPT_TYPES)
        most = _most_characters(asked, form)
        answer = _tried_before(asked) if "prev_hash" in asked.GET else _why(asked)
        body = msgspec.json.encode(answer) if form == "json" else _as_text(answer, most).encode()
        return tagged(asked, body, PROMPT_TYPES[form])


def _why(request: HttpRequest) -> Why:
    parameters = request.GET
    if "blueprint_id" not in parameters:
        raise Invalid("blueprint_id", "combination", "is missing; name the Blueprint, or a document by its prev_hash")
    if "limit" in parameters:
        raise Invalid("limit", "combination", "needs prev_hash")
    return why(parameters["blueprint_id"], parameters.get("intent", ""))


def _tried_before(request: HttpRequest) -> TriedBefore:
    parameters = request.GET
    if "intent" in parameters:
        raise Invalid("intent", "combination", "cannot be used with prev_hash")
    limit = filters.whole(dict(parameters.lists()), "limit", MOST_ATTEMPTS, 1)
    return tried_before(parameters["prev_hash"], parameters.get("blueprint_id"), limit or DEFAULT_ATTEMPTS)


def _most_characters(request: HttpRequest, form: str) -> int:
    most = filters.whole(dict(request.GET.lists()), "max_chars", prompts.MOST, prompts.LEAST)
    if most is not None and form != "text":
        raise Invalid("max_chars", "combination", "needs format=text")
    return prompts.DEFAULT if most is None else most


def _as_text(answer: Why | TriedBefore, most: int) -> str:
    return prompts.of_why(answer, most) if isinstance(answer, Why) else prompts.of_tried_before(answer, most)
