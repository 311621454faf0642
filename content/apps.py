"""Registers the content store with the log. Nothing in ``enhancelog`` imports ``content``."""

from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "content"
    verbose_name = "Content store"

    def ready(self) -> None:
        from content import demo, entry_panel, linked, openapi
        from content.kinds import KINDS
        from content.models import ContentRevision
        from content.store import verification as content
        from enhancelog.accounts import api_tokens
        from enhancelog.api.openapi import register_part
        from enhancelog.backends import write_once
        from enhancelog.maintenance import demo as log_demo
        from enhancelog.store import verification
        from enhancelog.web import entry_panels

        write_once.register(ContentRevision._meta.db_table, ("id",), ("story_id", "kind", "version"))
        verification.register(verification.Part("content rows", content.total, content.findings))
        api_tokens.register_kinds(KINDS)
        log_demo.register(demo.load)
        register_part(openapi.OPERATIONS, openapi.SCHEMAS)
        work_items = entry_panels.EntryPanel("content/panel.jinja", entry_panel.panel, linked.version_beside)
        entry_panels.register(work_items)
