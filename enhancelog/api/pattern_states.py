"""What a team decides about a pattern."""

from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from enhancelog.accounts import permissions
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.api.preconditions import etag, if_match
from enhancelog.domain.errors import NO_SUCH_PATTERN, Conflict, NotFound
from enhancelog.domain.pattern_states import MAX_BYTES, PatternState, StateOfPattern, StateRequest, decode
from enhancelog.queries import pattern_states
from enhancelog.queries.patterns.detail import Known, known
from enhancelog.store import pattern_states as store

_NONE: Final = -1  # no change has this id


def change(request: Request, pattern_id: str) -> HttpResponse:
    asked = request._request
    require_type(asked, MEDIA_TYPES["json"])
    wanted = decode(read_body(asked, MAX_BYTES))
    pattern = known(pattern_id)
    if pattern is None:
        return no_such_pattern(pattern_id)
    seen = _seen(asked, _state(pattern))
    try:
        _write(request, pattern, wanted, seen)
    except NotFound:  # the patterns were derived anew in the meantime
        return no_such_pattern(pattern_id)
    except Conflict:
        return _conflict(_state(pattern), 409 if seen is None else 412)
    now = known(pattern_id) or pattern
    state = _state(now)
    body = msgspec.json.encode(StateOfPattern(id=now.id, state=state))
    return HttpResponse(body, content_type=MEDIA_TYPES["json"], headers={"ETag": etag(state.change)})


def history(request: Request, pattern_id: str) -> HttpResponse:
    pattern = known(pattern_id)
    return no_such_pattern(pattern_id) if pattern is None else answer(request, pattern_states.history(pattern.pk))


def no_such_pattern(pattern_id: str) -> HttpResponse:
    return problem_response(404, f"{NO_SUCH_PATTERN} {pattern_id[:80]}.")


def _state(pattern: Known) -> PatternState:
    return pattern_states.states_of([pattern.pk])[pattern.pk]


def _seen(request: HttpRequest, state: PatternState) -> int | None:
    given = if_match(request)
    if given is None or "*" in given:
        return None
    return state.change if etag(state.change) in given else _NONE


def _write(request: Request, pattern: Known, wanted: StateRequest, seen: int | None) -> None:
    origin = permissions.origin(request, "api")
    if wanted.undo is UNSET:
        store.change(pattern.id, wanted, origin, seen)
    elif seen in (None, wanted.undo):
        store.undo(pattern.id, wanted.undo, origin)
    else:
        raise Conflict(pattern.id)


def _conflict(state: PatternState, status: int) -> HttpResponse:
    by = f"{state.changed_by} changed it" if state.changed_by else "It was not changed yet"
    detail = f'{by}; the present change is {state.change} ("{state.state}"). Nothing was changed.'
    headers = {"ETag": etag(state.change)}
    return problem_response(status, detail, headers=headers, state=msgspec.to_builtins(state))
