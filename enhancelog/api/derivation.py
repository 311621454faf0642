"""Lets clients read what is derived after their own writes: deny patterns, themes, and what patches touch."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Final, NamedTuple, TypeVar

from django.http import HttpResponseBase
from rest_framework.request import Request

from enhancelog.accounts import permissions
from enhancelog.backends.permit import permit
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.origin import Origin
from enhancelog.projections import waking
from enhancelog.queries.horizon import (
    appended_by,
    asks_for_patches,
    asks_for_patterns,
    brought_by,
    grouped,
    touched,
)
from enhancelog.queries.themes.of_filter import axes as axes_of_themes
from enhancelog.queries.themes.progress import themed

# The header with the last position that a reading of derived rows has seen
DERIVED_TO: Final = "Enhancelog-Derived-To"

GROUPING_PATIENCE_S: Final = 2.0
_LOOK_S: Final = 0.02
# The most requests of a process that wait at a time, since each holds a thread. Others get what is derived so far.
MOST_WAITING: Final = 4

_waiting = threading.BoundedSemaphore(MOST_WAITING)

Answer = TypeVar("Answer", bound=HttpResponseBase)


class _Derived(NamedTuple):
    """``own``: the position to wait for, of those beyond what is derived."""

    read: Callable[[], tuple[int, int]]
    own: Callable[[Origin, int], int]


_PATTERNS: Final = _Derived(lambda: grouped(), lambda origin, up_to: brought_by(origin))
_PATCHES: Final = _Derived(lambda: touched()[:2], lambda origin, up_to: appended_by(origin, up_to))


def _themes_of(axes: Collection[str]) -> _Derived:
    return _Derived(lambda: themed(axes), lambda origin, up_to: appended_by(origin, up_to))


def wait_until_derived(
    request: Request, wanted: EntryFilter, *, patterns: bool = False, themes_of: Collection[str] = ()
) -> int | None:
    """The position up to which what the filter asks for is derived; ``None``: it asks for nothing derived.

    Waits for the caller's own writes only. ``patterns`` and ``themes_of``: the answer needs them whatever the filter.
    """
    needed = []
    if patterns or asks_for_patterns(wanted):
        needed.append(_PATTERNS)
    if asks_for_patches(wanted):
        needed.append(_PATCHES)
    if axes := axes_of_themes(wanted).union(themes_of):
        needed.append(_themes_of(axes))
    return min((_wait(request, each) for each in needed), default=None)


def _wait(request: Request, derived: _Derived) -> int:
    last, up_to = derived.read()
    if up_to == last or not request.user.is_authenticated:
        return up_to
    own = derived.own(permissions.origin(request, "api"), up_to)
    if up_to >= own or not _waiting.acquire(blocking=False):
        return up_to
    try:
        waking.work_waits.set()
        return _wait_for(derived, own)
    finally:
        _waiting.release()


def _wait_for(derived: _Derived, position: int) -> int:
    until = time.monotonic() + GROUPING_PATIENCE_S
    while (up_to := derived.read()[1]) < position and time.monotonic() < until:
        with permit.released():
            time.sleep(_LOOK_S)
    return up_to


def with_derived_to(answer: Answer, up_to: int | None) -> Answer:
    if up_to is not None:
        answer.headers[DERIVED_TO] = str(up_to)
    return answer
