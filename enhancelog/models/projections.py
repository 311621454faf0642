"""Read models, derived from the log and rebuildable. Only ``projections`` writes here."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.log import Entry

# Represents day NULL in unique indexes, because NULLs are never equal. Plausible days are not negative.
NO_DAY = -1


class Denial(models.Model):
    pk = models.CompositePrimaryKey("entry_id", "axis")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="denials", db_column="position", db_constraint=False, db_index=False
    )
    ts_ms = models.BigIntegerField()
    blueprint_id = CodePointTextField()
    axis = CodePointTextField()
    sole = models.BooleanField()  # no other axis denied it
    rejected = models.BooleanField()  # the entry's status

    class Meta:
        indexes: ClassVar = [
            models.Index("axis", "ts_ms", "entry", name="denial_axis_ts"),
            models.Index("blueprint_id", "axis", "ts_ms", "entry", name="denial_blueprint_axis_ts"),
        ]


class EntryBadge(models.Model):
    pk = models.CompositePrimaryKey("entry_id", "badge")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="badges", db_column="position", db_constraint=False, db_index=False
    )
    badge = models.TextField()

    class Meta:
        indexes: ClassVar = [models.Index("badge", "entry", name="entry_badge")]


class StatusTally(models.Model):
    """Runs by Blueprint, status and UTC day (days since 1970; NULL: implausible time)."""

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
    day = models.BigIntegerField(null=True)
    blueprint_id = CodePointTextField()
    axis = CodePointTextField()
    judged = models.BigIntegerField()
    denied = models.BigIntegerField()
    rejected = models.BigIntegerField()  # denied, in rejected entries
    alone = models.BigIntegerField()  # of these, those that no other axis denied
    # Of ``rejected``, those whose next attempt at the intent was applied, denied by this axis, or by others only.
    next_applied = models.BigIntegerField()
    next_same = models.BigIntegerField()
    next_other = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("axis", "day", name="axis_tally_axis_day"),
            models.Index("blueprint_id", "day", name="axis_tally_blueprint_day"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("day", Value(NO_DAY)), F("blueprint_id"), F("axis"), name="axis_tally_unique"
            )
        ]


# Rejected runs of a Blueprint that exactly these axes (two or more) denied.
class JointTally(models.Model):
    day = models.BigIntegerField(null=True)
    blueprint_id = CodePointTextField()
    digest = models.TextField()  # SHA-256 of ``axes``, because index keys are limited in length
    axes = models.TextField()  # JSON array in code point order
    runs = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("day", name="joint_tally_day")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("day", Value(NO_DAY)), F("blueprint_id"), F("digest"), name="joint_tally_unique"
            )
        ]


# The same over all Blueprints, which most pages add up: of a thousand Blueprints, these have a thousandth of the rows.


class DailyStatusTally(models.Model):
    """Runs by status and UTC day (days since 1970; NULL: implausible time)."""

    day = models.BigIntegerField(null=True)
    status = CodePointTextField()
    runs = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("day", name="daily_status_tally_day")]
        constraints: ClassVar = [
            models.UniqueConstraint(Coalesce("day", Value(NO_DAY)), F("status"), name="daily_status_tally_unique")
        ]


class DailyAxisTally(models.Model):
    day = models.BigIntegerField(null=True)
    axis = CodePointTextField()
    judged = models.BigIntegerField()
    denied = models.BigIntegerField()
    rejected = models.BigIntegerField()
    alone = models.BigIntegerField()
    next_applied = models.BigIntegerField()
    next_same = models.BigIntegerField()
    next_other = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("day", "axis", name="daily_axis_tally_day"),
            models.Index("axis", "day", name="daily_axis_tally_axis"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(Coalesce("day", Value(NO_DAY)), F("axis"), name="daily_axis_tally_unique")
        ]


class DailyJointTally(models.Model):
    day = models.BigIntegerField(null=True)
    digest = models.TextField()
    axes = models.TextField()
    runs = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("day", name="daily_joint_tally_day")]
        constraints: ClassVar = [
            models.UniqueConstraint(Coalesce("day", Value(NO_DAY)), F("digest"), name="daily_joint_tally_unique")
        ]


class AxisTotal(models.Model):
    """All runs that an axis judged, and those of them that it denied and that were rejected. Under the empty name, the
    sums over all axes."""

    axis = CodePointTextField(primary_key=True)
    first_position = models.BigIntegerField()  # of the first entry that it judged; 0 under the empty name
    judged = models.BigIntegerField()
    rejected = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("first_position", "axis", name="axis_total_first")]

    def __str__(self) -> str:
        return f"{self.axis}: {self.judged} judged"


class IntentTally(models.Model):
    """First attempts; and runs that ended an intent, applied or not tried again, by the number of the attempt."""

    day = models.BigIntegerField(null=True)
    blueprint_id = CodePointTextField()
    first = models.BigIntegerField()
    applied_first = models.BigIntegerField()
    applied_second = models.BigIntegerField()
    applied_third = models.BigIntegerField()
    applied_further = models.BigIntegerField()
    given_up_first = models.BigIntegerField()
    given_up_second = models.BigIntegerField()
    given_up_third = models.BigIntegerField()
    given_up_further = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("day", name="intent_tally_day"),
            models.Index("blueprint_id", "day", name="intent_tally_blueprint_day"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(Coalesce("day", Value(NO_DAY)), F("blueprint_id"), name="intent_tally_unique")
        ]


# Intents by the time from their first attempt to the applied one, if that was a later one.
class IntentTimeTally(models.Model):
    day = models.BigIntegerField()  # of the applied attempt
    blueprint_id = CodePointTextField()
    took_ms = models.BigIntegerField()  # the lower bound of a range, see ``domain.durations``
    intents = models.BigIntegerField()

    class Meta:
        # They hold all that is summed: a scan of the table takes five times as long.
        indexes: ClassVar = [
            models.Index("day", "took_ms", "intents", name="intent_time_tally_day"),
            models.Index("blueprint_id", "took_ms", "day", "intents", name="intent_time_tally_blueprint"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("day", "blueprint_id", "took_ms", name="intent_time_tally_unique")
        ]


class BlueprintSummary(models.Model):
    """Totals per Blueprint and source; each source is a chain of its own."""

    pk = models.CompositePrimaryKey("blueprint_id", "source")
    blueprint_id = CodePointTextField()
    source = CodePointTextField()
    applied = models.BigIntegerField()
    rejected = models.BigIntegerField()
    newest_ts_ms = models.BigIntegerField(null=True)


class MetaValue(models.Model):
    """A row per key of an entry's ``meta``."""

    pk = models.CompositePrimaryKey("entry_id", "key")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="meta_values", db_column="position", db_constraint=False, db_index=False
    )
    key = CodePointTextField()
    value = CodePointTextField()  # as ``domain.meta.indexed`` writes it
    ts_ms = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("key", "value", "ts_ms", "entry", name="meta_value_ts")]
