"""What makes the log quick to look at: derived from it and rebuildable. Nobody writes here but ``projections``."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.log import Entry

NO_DAY = -1
"""Stands for day NULL in unique indexes, where NULL would equal nothing. Plausible days are never negative."""


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
            models.Index("day", "axis", name="axis_tally_day_axis"),
            models.Index("blueprint_id", "day", name="axis_tally_blueprint_day"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("day", Value(NO_DAY)), F("blueprint_id"), F("axis"), name="axis_tally_unique"
            )
        ]


class JointTally(models.Model):
    """How many rejected runs of one UTC day exactly these axes denied, two or more of them.

    ``axes``: a JSON array by code point. ``digest``: its SHA-256, for an index cannot hold an array of any length.
    """

    day = models.BigIntegerField(null=True)
    digest = models.TextField()
    axes = models.TextField()
    runs = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("day", name="joint_tally_day")]
        constraints: ClassVar = [
            models.UniqueConstraint(Coalesce("day", Value(NO_DAY)), F("digest"), name="joint_tally_unique")
        ]


class BlueprintSummary(models.Model):
    """What one source recorded of one Blueprint; a Blueprint is the sum over its sources, each a chain of its own."""

    pk = models.CompositePrimaryKey("blueprint_id", "source")
    blueprint_id = CodePointTextField()
    source = CodePointTextField()
    applied = models.BigIntegerField()
    rejected = models.BigIntegerField()
    newest_ts_ms = models.BigIntegerField(null=True)
