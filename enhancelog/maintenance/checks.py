"""System checks of the installation."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from enhancelog.backends import dialect

# E001 triggers missing, E003 search index missing (with --database default, and after migrate); E002 SQLite's folder
# not writable; W001 data folder readable by others; W002 public read with --deploy.

# ``migrate`` runs these checks first and would stop at what it repairs.
REPAIR = "Run: python3 manage.py migrate --skip-checks"


@register(Tags.database)
def triggers_are_there(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for using in databases or ():
        with connections[using].cursor() as cursor:
            if "enhancelog_entry" not in connections[using].introspection.table_names(cursor):
                continue  # nothing to protect before the first migration
            found += [
                Error(
                    f"The trigger {name} is missing or altered, so its table's rows are not safe from changes.",
                    hint=REPAIR,
                    id="enhancelog.E001",
                )
                for name in dialect(using).missing_triggers(cursor)
            ]
    return found


@register(Tags.database)
def search_index_is_there(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for using in databases or ():
        with connections[using].cursor() as cursor:
            if "enhancelog_entry" not in connections[using].introspection.table_names(cursor):
                continue
            found += [
                Error(
                    f"{name} is missing, so nothing can be searched or appended.",
                    hint=REPAIR,
                    id="enhancelog.E003",
                )
                for name in dialect(using).search.missing(cursor)
            ]
    return found


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
