"""The log app: installs its triggers after every migration and registers its checks."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class EnhancelogConfig(AppConfig):
    name = "enhancelog"
    verbose_name = "Enhance log"

    def ready(self) -> None:
        from enhancelog import checks  # noqa: F401  registers itself

        post_migrate.connect(install_triggers, sender=self)


def install_triggers(using: str, **kwargs: Any) -> None:
    """Rebuilding a SQLite table drops its triggers silently, so they are put back after every ``migrate``."""
    from enhancelog.backends import dialect
    from enhancelog.models import Entry

    if Entry._meta.db_table in connections[using].introspection.table_names():
        with connections[using].cursor() as cursor:
            dialect(using).install_triggers(cursor)
