"""The content store app: protects its revisions, and registers what ``verify_log`` checks of it."""

from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "content"
    verbose_name = "Content store"

    def ready(self) -> None:
        from content.models import ContentRevision
        from content.store import verification as content
        from enhancelog.backends import write_once
        from enhancelog.store import verification

        write_once.register(ContentRevision._meta.db_table, ("id",), ("story_id", "kind", "version"))
        verification.register(verification.Part("content rows", content.total, content.findings))
