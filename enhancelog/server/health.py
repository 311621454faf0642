"""Liveness and readiness as small JSON objects, public and without sessions."""

from django.db import DEFAULT_DB_ALIAS, Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from enhancelog.backends import dialect, schema
from enhancelog.domain.errors import WrongSchema
from enhancelog.maintenance import upgrade

# Databases found fully migrated; this process's code gets no further migrations.
_migrated: set[str] = set()


@csrf_exempt  # a POST is 405
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "live"})


@csrf_exempt  # a POST is 405
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 if database, migrations, triggers and search index are in order, else 503 with the problems."""
    found = problems()
    if found:
        return JsonResponse({"status": "not ready", "problems": found}, status=503)
    return JsonResponse({"status": "ready"})


def problems() -> list[str]:
    try:
        if DEFAULT_DB_ALIAS not in _migrated:
            if upgrade.pending():
                return ["migrations are not applied"]
            _migrated.add(DEFAULT_DB_ALIAS)
        with connection.cursor() as cursor:
            schema.require(cursor)
            triggers = dialect().missing_triggers(cursor)
            tables = dialect().search.missing(cursor)
    except WrongSchema as error:
        return [str(error)]
    except Error:
        return ["the database cannot be used"]  # details only in the log: this page is public
    return [f"trigger {name} is missing or altered" for name in triggers] + [f"{name} is missing" for name in tables]
