"""The log app: protects its entries, installs triggers and the search index after every migration, registers checks."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class EnhancelogConfig(AppConfig):
    name = "enhancelog"
    verbose_name = "Enhance log"

    def ready(self) -> None:
        from enhancelog import checks  # noqa: F401  registers itself
        from enhancelog.accounts import events
        from enhancelog.backends import write_once
        from enhancelog.models import Entry

        write_once.register(Entry._meta.db_table, ("position",), ("issue_id",))

        events.connect()
        post_migrate.connect(install, sender=self)


def install(using: str, **kwargs: Any) -> None:
    """What no migration can say. Rebuilding a SQLite table drops its triggers silently, so they are put back after
    every ``migrate``; a search index that had to be made is filled from the log."""
    from enhancelog.backends import dialect
    from enhancelog.models import Entry
    from enhancelog.store.database import rebuild_search

    if Entry._meta.db_table not in connections[using].introspection.table_names():
        return
    with connections[using].cursor() as cursor:
        dialect(using).install_triggers(cursor)
        is_new = dialect(using).search.install(cursor)
    if is_new:
        rebuild_search()
