"""How far the deny patterns are that an answer shows, and who waits for them.

New templates are grouped after the commit. Whoever brought one waits with the next reading of patterns until it is
grouped, for ``PATIENCE_S`` at most; others never wait.
"""

import time
from typing import Final, TypeVar

from django.http import HttpResponseBase
from rest_framework.request import Request

from enhancelog import permissions
from enhancelog.permit import permit
from enhancelog.queries.horizon import brought_by, grouped

DERIVED_TO: Final = "Enhancelog-Derived-To"
"""The header with the last position that a reading of patterns has seen."""

PATIENCE_S: Final = 2.0
_LOOK_S: Final = 0.02

Answer = TypeVar("Answer", bound=HttpResponseBase)


def derived(request: Request) -> int:
    """The position up to which a reading that begins now sees patterns, after the wait."""
    last, up_to = grouped()
    if up_to == last or not request.user.is_authenticated:
        return up_to
    own = brought_by(permissions.origin(request, "api"))
    until = time.monotonic() + PATIENCE_S
    while up_to < own and time.monotonic() < until:
        with permit.released():
            time.sleep(_LOOK_S)
        up_to = grouped().up_to
    return up_to


def told(answer: Answer, up_to: int) -> Answer:
    """The answer, which says so."""
    answer.headers[DERIVED_TO] = str(up_to)
    return answer
