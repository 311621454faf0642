"""Registers the content store with the log. Nothing in ``enhancelog`` imports ``content``."""

from typing import Any

from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "content"
    verbose_name = "Content store"

    def ready(self) -> None:
        from content import demo, entry_panel, linked
        from content.kinds import KINDS
        from content.models import ContentRedaction, ContentRevision
        from content.store import verification as content
        from enhancelog.accounts import api_tokens
        from enhancelog.api import added_operations
        from enhancelog.backends import write_once
        from enhancelog.backends.redacting import NOTHING, Recorded, recorded
        from enhancelog.maintenance import demo as log_demo
        from enhancelog.store import verification
        from enhancelog.store.written_once import columns
        from enhancelog.web import entry_panels

        key = ("story_id", "kind", "version")
        redactions = Recorded(ContentRedaction._meta.db_table, key, None)
        redacting = recorded(columns(ContentRevision), {"value": NOTHING}, redactions)
        write_once.register(ContentRevision._meta.db_table, ("id",), key, redacting=redacting)
        write_once.register(ContentRedaction._meta.db_table, (*key, "number"))
        verification.register(verification.Part("content rows", content.total, content.findings))
        api_tokens.register_kinds(KINDS)
        log_demo.register(demo.load)
        added_operations.register(described)
        work_items = entry_panels.EntryPanel("content/panel.jinja", entry_panel.panel, linked.version_beside)
        entry_panels.register(work_items)


def described() -> tuple[dict[str, Any], dict[str, Any]]:
    """The operations and schemas of the content store, for the API's description."""
    from content import openapi

    return openapi.OPERATIONS, openapi.SCHEMAS
