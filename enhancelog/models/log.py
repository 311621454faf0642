"""The entries, written once: only ``store`` inserts, and triggers refuse all changes but a redaction."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from enhancelog.backends.fields import CodePointTextField


class Immutable(Exception):
    pass


class EntryQuerySet(models.QuerySet["Entry"]):
    def update(self, **kwargs: Any) -> int:
        raise Immutable("entries of the enhance log are immutable")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise Immutable("entries of the enhance log cannot be deleted")


class Entry(models.Model):
    """The record's fields, then ours. JSON columns contain the record's own text."""

    position = models.BigIntegerField(primary_key=True)  # dense, in commit order
    issue_id = CodePointTextField(unique=True)
    blueprint_id = CodePointTextField()
    prev_hash = CodePointTextField()
    new_hash = CodePointTextField()
    intent = models.TextField()
    rationale = models.TextField()
    verdicts = models.TextField()
    status = CodePointTextField()
    reasons = models.TextField()
    ts_ms = models.BigIntegerField()
    ops = models.TextField(null=True)
    bump = models.TextField(null=True)
    candidate_hash = CodePointTextField(null=True)
    meta = models.TextField(null=True)
    recorded_ms = models.BigIntegerField()
    actor_kind = models.TextField()
    actor_name = models.TextField()
    source = CodePointTextField()
    digest = models.TextField()
    envelope = models.TextField()
    # In hex (``evidence.leaves``); NULL: redacted, and ``digest`` is the inner hash of the original.
    salt = models.TextField(null=True)
    redacted = models.TextField(null=True)  # a JSON array, as ``domain.redactions.tombstones`` reads it

    objects = EntryQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [("see_status", "Can see the status")]  # of the whole installation
        verbose_name_plural = "entries"
        indexes: ClassVar = [
            models.Index("blueprint_id", "ts_ms", "position", name="entry_blueprint_ts"),
            models.Index("blueprint_id", "source", "ts_ms", "position", name="entry_chain"),
            models.Index("ts_ms", "position", name="entry_ts"),
            models.Index("status", "ts_ms", "position", name="entry_status_ts"),
            models.Index("position", name="entry_ops", condition=Q(ops__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(issue_id=""), name="entry_issue_id_not_empty"),
            models.CheckConstraint(condition=Q(position__gt=0), name="entry_position_positive"),
            models.CheckConstraint(condition=Q(status__in=["applied", "rejected"]), name="entry_status_known"),
            models.CheckConstraint(
                condition=Q(bump__isnull=True) | Q(bump__in=["major", "minor", "patch"]), name="entry_bump_known"
            ),
        ]

    def __str__(self) -> str:
        return str(self.issue_id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise Immutable("entries are appended through enhancelog.store")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise Immutable("entries of the enhance log cannot be deleted")
