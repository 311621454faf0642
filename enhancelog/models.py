"""The log's tables: the entries, written once, their projections, derived and rebuildable; and API tokens.

Nobody writes here but ``store`` (entries), ``projections`` and ``tokens``; nobody reads here but ``queries`` and
``tokens``. Field order of ``Entry`` is the record's, then our own columns. ``position`` is the primary key: dense, in
commit order.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from knox.models import AbstractAuthToken

from enhancelog.fields import CodePointTextField

NO_DAY = -1
"""Stands for day NULL in unique indexes, where NULL would equal nothing. Plausible days are never negative."""


class Immutable(Exception):
    """The model was asked to change an entry; triggers would refuse it too."""


class EntryQuerySet(models.QuerySet["Entry"]):
    """Says early, in Python, what the triggers enforce."""

    def update(self, **kwargs: Any) -> int:
        raise Immutable("entries of the enhance log are immutable")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise Immutable("entries of the enhance log cannot be deleted")


class Entry(models.Model):
    """One run. JSON columns hold the record's own JSON text. Times are epoch milliseconds."""

    position = models.BigIntegerField(primary_key=True)
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
    recorded_ms = models.BigIntegerField()
    actor_kind = models.TextField()
    actor_name = models.TextField()
    source = CodePointTextField()
    digest = models.TextField()

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        indexes: ClassVar = [
            models.Index("blueprint_id", "ts_ms", "position", name="entry_blueprint_ts"),
            models.Index("blueprint_id", "source", "ts_ms", "position", name="entry_chain"),
            models.Index("ts_ms", "position", name="entry_ts"),
            models.Index("status", "ts_ms", "position", name="entry_status_ts"),
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


class Denial(models.Model):
    """One axis that denied one run. ``sole``: no other axis did. ``rejected``: the entry's status says so too."""

    pk = models.CompositePrimaryKey("entry_id", "axis")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="denials", db_column="position", db_constraint=False, db_index=False
    )
    ts_ms = models.BigIntegerField()
    blueprint_id = CodePointTextField()
    axis = CodePointTextField()
    sole = models.BooleanField()
    rejected = models.BooleanField()

    class Meta:
        indexes: ClassVar = [
            models.Index("axis", "ts_ms", "entry", name="denial_axis_ts"),
            models.Index("blueprint_id", "axis", "ts_ms", "entry", name="denial_blueprint_axis_ts"),
        ]


class EntryBadge(models.Model):
    """One thing that is off about one entry; see ``badges``."""

    pk = models.CompositePrimaryKey("entry_id", "badge")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="badges", db_column="position", db_constraint=False, db_index=False
    )
    badge = models.TextField()


class StatusTally(models.Model):
    """How many runs of one Blueprint ended how on one UTC day (days since 1970; NULL: no plausible time)."""

    day = models.BigIntegerField(null=True)
    blueprint_id = CodePointTextField()
    status = CodePointTextField()
    runs = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("day", name="status_tally_day"),
            models.Index("blueprint_id", "day", name="status_tally_blueprint_day"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("day", Value(NO_DAY)), F("blueprint_id"), F("status"), name="status_tally_unique"
            )
        ]


class AxisTally(models.Model):
    """How many runs one axis judged and denied. ``rejected``: denied, in entries whose status is rejected."""

    day = models.BigIntegerField(null=True)
    blueprint_id = CodePointTextField()
    axis = CodePointTextField()
    judged = models.BigIntegerField()
    denied = models.BigIntegerField()
    rejected = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("day", name="axis_tally_day"),
            models.Index("blueprint_id", "day", name="axis_tally_blueprint_day"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("day", Value(NO_DAY)), F("blueprint_id"), F("axis"), name="axis_tally_unique"
            )
        ]


class BlueprintSummary(models.Model):
    """What one source recorded of one Blueprint; a Blueprint is the sum over its sources, each a chain of its own."""

    pk = models.CompositePrimaryKey("blueprint_id", "source")
    blueprint_id = CodePointTextField()
    source = CodePointTextField()
    applied = models.BigIntegerField()
    rejected = models.BigIntegerField()
    newest_ts_ms = models.BigIntegerField(null=True)


class Token(AbstractAuthToken):
    """What one API client signs its requests with: a digest of the secret, and what it may do.

    ``user`` owns it; it stops with them. The lists are of strings; an empty ``write_…`` list is no limit, an item
    ending in ``*`` means everything that begins so. A revoked token is kept, so that what it wrote stays explained.
    """

    digest = models.CharField(max_length=128, unique=True)
    name = models.CharField(max_length=80)
    scopes = models.JSONField()
    write_blueprints = models.JSONField(default=list, blank=True)
    write_kinds = models.JSONField(default=list, blank=True)
    made_by = models.TextField()
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # What a token writes carries its name, so a name means one token at a time.
            models.UniqueConstraint(fields=["name"], condition=Q(revoked__isnull=True), name="token_name_unique")
        ]

    def __str__(self) -> str:
        return str(self.name)


class BlueprintDocument(models.Model):
    """A Blueprint's head document as a followed host showed it, kept under its hash: JSON text, as received."""

    blueprint_id = CodePointTextField()
    hash = CodePointTextField()
    document = models.TextField()
    recorded_ms = models.BigIntegerField()
    source = CodePointTextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("blueprint_id", "hash", name="blueprint_document_unique")]

    def __str__(self) -> str:
        return f"{self.blueprint_id} at {self.hash}"


class FollowFinding(models.Model):
    """Something odd about a followed host that was reported, so that it is reported once, whoever restarts.

    ``kind`` is conflict, quarantined or vanished; ``subject`` the issue_id (quarantined: empty); ``digest`` the SHA-256
    of what stood there (vanished: empty).
    """

    source = CodePointTextField()
    kind = models.TextField()
    subject = CodePointTextField()
    digest = models.TextField()
    reported_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("source", "kind", "subject", "digest", name="follow_finding_unique")
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.kind} {self.subject}"
