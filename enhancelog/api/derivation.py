"""Lets clients read the deny patterns of their own writes, which are grouped after the commit."""

import threading
import time
from typing import Final, TypeVar

from django.http import HttpResponseBase
from rest_framework.request import Request

from enhancelog.accounts import permissions
from enhancelog.backends.permit import permit
from enhancelog.queries.horizon import brought_by, grouped

# The header with the last position that a reading of patterns has seen
DERIVED_TO: Final = "Enhancelog-Derived-To"

GROUPING_PATIENCE_S: Final = 2.0
_LOOK_S: Final = 0.02
# The most requests of a process that wait at a time, since each holds a thread. Others get what is grouped so far.
MOST_WAITING: Final = 4

_waiting = threading.BoundedSemaphore(MOST_WAITING)

Answer = TypeVar("Answer", bound=HttpResponseBase)


def wait_until_derived(request: Request) -> int:
    """The position up to which patterns are grouped. Waits for the caller's own writes only."""
    last, up_to = grouped()
    if up_to == last or not request.user.is_authenticated:
        return up_to
    own = brought_by(permissions.origin(request, "api"))
    if up_to >= own or not _waiting.acquire(blocking=False):
        return up_to
    try:
        return _wait_for(own)
    finally:
        _waiting.release()


def _wait_for(position: int) -> int:
    until = time.monotonic() + GROUPING_PATIENCE_S
    while (up_to := grouped().up_to) < position and time.monotonic() < until:
        with permit.released():
            time.sleep(_LOOK_S)
    return up_to


def with_derived_to(answer: Answer, up_to: int) -> Answer:
    answer.headers[DERIVED_TO] = str(up_to)
    return answer
