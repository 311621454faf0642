"""Guards migrations, and completes them with triggers and the search index."""

from typing import Any

from django.apps import AppConfig
from django.core.management.base import CommandError
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class EnhancelogConfig(AppConfig):
    name = "enhancelog"
    verbose_name = "Enhance log"

    def ready(self) -> None:
        from enhancelog.accounts import audited_users, events, sessions
        from enhancelog.alerts import redacting as outbox
        from enhancelog.alerts import retention
        from enhancelog.backends import schema
        from enhancelog.maintenance import (
            checks,  # noqa: F401  registers itself
            evidence_verification,
        )
        from enhancelog.store import (
            audit_verification,
            host_verification,
            redacting,
            theme_verification,
            verification,
            written_once,
        )

        written_once.register()
        redacting.register(lambda cursor, taken: schema.require_own())
        redacting.register(outbox.forget)
        for part in (
            *host_verification.PARTS,
            theme_verification.PART,
            audit_verification.PART,
            evidence_verification.PART,
        ):
            verification.register(part)
        events.connect()
        audited_users.connect()
        sessions.connect()
        retention.connect()
        schema.sources()  # read now, because an upgrade may replace the files
        pre_migrate.connect(refuse_backwards, sender=self)
        post_migrate.connect(install, sender=self)


def refuse_backwards(plan: list[tuple[Any, bool]], **kwargs: Any) -> None:
    # Reversing a migration drops the data in its tables.
    from enhancelog.backends import schema

    for migration, backwards in plan:
        if backwards and migration.app_label in schema.APPS:
            name = f"{migration.app_label}.{migration.name}"
            raise CommandError(
                f"undoing {name} would drop the log or the content; restore a backup instead", returncode=2
            )


def install(using: str, **kwargs: Any) -> None:
    # Runs after every ``migrate``, because rebuilding a SQLite table drops its triggers silently. A new search index is
    # filled from the log, and badges of older rules are derived again.
    from enhancelog.backends import dialect, schema
    from enhancelog.models import Entry
    from enhancelog.store.database import rebuild_badges, rebuild_search

    if Entry._meta.db_table not in connections[using].introspection.table_names():
        return
    with connections[using].cursor() as cursor:
        dialect(using).install_triggers(cursor)
        is_new = dialect(using).search.install(cursor)
        has_rules = schema.has_rules(cursor)
        schema.record(cursor)
    if is_new:
        rebuild_search()
    if not has_rules:
        rebuild_badges()
