"""System checks of the installation. ``check`` and the operator's page show more, see ``maintenance.problems``."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from enhancelog.domain.errors import Busy
from enhancelog.domain.installation import Problem
from enhancelog.maintenance import integrity

# E001 triggers missing, E003 search index missing (with --database default, and after migrate); E002 SQLite's folder
# not writable; W001 data folder readable by others. With --deploy: W002 public read; W003 the OIDC provider cannot be
# used.


@register(Tags.database)
def triggers_are_there(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    found = [problem for using in _protected(databases) for problem in integrity.missing_triggers(using)]
    return [_error(problem, "enhancelog.E001") for problem in found]


@register(Tags.database)
def search_index_is_there(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    found = [problem for using in _protected(databases) for problem in integrity.missing_search(using)]
    return [_error(problem, "enhancelog.E003") for problem in found]


def _protected(databases: Sequence[str] | None) -> list[str]:
    # Before the first migration, there is nothing to protect.
    return [using for using in databases or () if _has_entries(using)]


def _has_entries(using: str) -> bool:
    with connections[using].cursor() as cursor:
        return "enhancelog_entry" in connections[using].introspection.table_names(cursor)


def _error(problem: Problem, number: str) -> CheckMessage:
    return Error(problem.text, hint=problem.fix, id=number)


@register()
def sqlite_can_write(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for wrapper in connections.all():
        folder = Path(str(wrapper.settings_dict["NAME"])).parent
        if wrapper.vendor == "sqlite" and not os.access(folder, os.W_OK | os.X_OK):
            hint = "SQLite keeps its journal and lock beside the database; make the folder writable."
            found.append(Error(f"The folder {folder} is not writable.", hint=hint, id="enhancelog.E002"))
    return found


@register(Tags.security)
def data_folder_is_private(**kwargs: Any) -> list[CheckMessage]:
    mode = settings.DATA_DIR.stat().st_mode & 0o077
    if not mode:
        return []
    hint = f"It holds the secret key and the database. Run: chmod 700 {settings.DATA_DIR}"
    return [Warning(f"Other users can read the data folder {settings.DATA_DIR}.", hint=hint, id="enhancelog.W001")]


@register(Tags.security, deploy=True)
def reading_needs_sign_in(**kwargs: Any) -> list[CheckMessage]:
    if not settings.PUBLIC_READ:
        return []
    hint = "Unset ENHANCELOG_PUBLIC_READ, or silence this check if that is intended."
    return [Warning("Anyone can read the log without signing in.", hint=hint, id="enhancelog.W002")]


@register(Tags.security, deploy=True)
def oidc_provider_answers(**kwargs: Any) -> list[CheckMessage]:
    if settings.OIDC is None:
        return []
    from enhancelog.accounts import oidc_requests

    try:
        config = oidc_requests.discovery(settings.OIDC)
        oidc_requests.keys(config)
    except (oidc_requests.ProviderFailed, Busy) as failure:
        hint = "Until this is mended, nobody can sign in there. The server starts all the same."
        return [Warning(f"OIDC: {failure}.", hint=hint, id="enhancelog.W003")]
    return []
