"""Liveness and readiness as small JSON objects, public and without sessions."""

from typing import Final

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from enhancelog.backends import dialect, reading
from enhancelog.domain.errors import StoreError
from enhancelog.maintenance import integrity
from enhancelog.queries.status import positions

# Of two hosts in DATABASE_URL, one may be gone, which takes ``patience.LEAST_CONNECT_S`` to find out.
PATIENCE_S: Final = 4.0


@csrf_exempt  # a POST is 405
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "live"})


@csrf_exempt  # a POST is 405
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 if database, migrations, triggers and search index are in order, or if pages are read from a replica without
    the primary; else 503 with the problems."""
    if reading.is_read_only():  # not 503, or a balancer would take out all servers
        if not _can_read():
            return _not_ready([str(reading.gone()), "the tables of the replica cannot be read"])
        return JsonResponse({"status": "read only", "problems": [str(reading.gone())]})
    try:
        with dialect().answering_within(PATIENCE_S):
            found = integrity.problems()
    except Error:  # details only in the log: this page is public
        return _not_ready(["the database cannot be used"])
    notes = [problem.text for problem in found if problem.severity == "note"]
    if len(notes) < len(found):
        return _not_ready([problem.text for problem in found if problem.severity != "note"])
    return JsonResponse({"status": "ready", "notes": notes} if notes else {"status": "ready"})


def _can_read() -> bool:
    try:
        with reading.on_replica(PATIENCE_S):
            positions()
    except (Error, StoreError):
        return False
    return True


def _not_ready(problems: list[str]) -> JsonResponse:
    return JsonResponse({"status": "not ready", "problems": problems}, status=503)
