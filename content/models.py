"""The content store's tables, written only by ``content.store``, ``content.linked`` and ``content.redacting``."""

# Times are epoch milliseconds. A NULL value is a tombstone; the key's versions continue after it.

from collections.abc import Collection
from typing import ClassVar

from django.db import models
from django.db.models import Q

from enhancelog.backends.fields import CodePointTextField


class ContentItem(models.Model):
    story_id = CodePointTextField()
    kind = CodePointTextField()
    value = models.TextField(null=True)
    version = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    actor_kind = models.TextField()
    actor_name = models.TextField()
    source = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["story_id", "kind"], name="content_item_key")]
        indexes: ClassVar = [
            models.Index(fields=["story_id", "kind"], name="content_item_set", condition=Q(value__isnull=False)),
            models.Index(fields=["kind", "story_id"], name="content_item_set_kind", condition=Q(value__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.story_id}"

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Skipped: a form may recreate a key that has a tombstone."""


class ContentRevision(models.Model):
    """Immutable, but for a redaction; ``envelope`` is a digest of the row as it was written."""

    story_id = CodePointTextField()
    kind = CodePointTextField()
    version = models.BigIntegerField()
    value = models.TextField(null=True)
    updated_ms = models.BigIntegerField()
    actor_kind = models.TextField()
    actor_name = models.TextField()
    source = models.TextField()
    envelope = models.TextField()
    redacted = models.TextField(null=True)  # a JSON array of one, as ``domain.redactions.tombstones`` reads it

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["story_id", "kind", "version"], name="content_revision_key")
        ]
        indexes: ClassVar = [models.Index(fields=["story_id", "updated_ms", "id"], name="content_revision_story")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.story_id}, version {self.version}"


class ContentRedaction(models.Model):
    """Immutable. Inserting one takes the value out of its revision, by a trigger."""

    pk = models.CompositePrimaryKey("story_id", "kind", "version", "number")
    story_id = CodePointTextField()
    kind = CodePointTextField()
    version = models.BigIntegerField()
    number = models.IntegerField()  # always 1
    recorded_ms = models.BigIntegerField()
    actor_kind = models.TextField()
    actor_name = models.TextField()
    source = models.TextField()
    tombstones = models.TextField()  # the revision's ``redacted`` after it
    digest = models.TextField()  # the revision's envelope, if it had no value
    envelope = models.TextField()

    def __str__(self) -> str:
        return f"{self.kind} of {self.story_id}, version {self.version}"


class ContentLink(models.Model):
    issue_id = CodePointTextField()
    story_id = CodePointTextField()
    linked_ms = models.BigIntegerField()
    linked_by = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["issue_id", "story_id"], name="content_link_key")]
        indexes: ClassVar = [models.Index(fields=["story_id", "issue_id"], name="content_link_story")]

    def __str__(self) -> str:
        return f"{self.issue_id} belongs to {self.story_id}"
