"""The template of each denial's detail, and which templates form a pattern."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.log import Entry
from enhancelog.models.projections import NO_DAY

# Derived from the log by ``enhancelog.patterns`` and written by ``projections.patterns``, except PatternChange,
# which ``store.pattern_changes`` writes. Rows of two rules versions can coexist: the old ones are served until the
# new ones are complete.


class Template(models.Model):
    # A template of an earlier rules version without denials is kept for its public id. Its ``pattern`` is the current
    # template of its first denial.
    id = models.BigIntegerField(primary_key=True)
    rules = models.IntegerField()
    axis = CodePointTextField()
    text = models.TextField()
    other = models.BooleanField()  # stands for every template beyond the limit per axis
    key = CodePointTextField(unique=True)  # the public id
    first_position = models.BigIntegerField()
    # ``pattern`` is the template of the lowest position in the pattern (its own if it leads). When it changes, the
    # denials' rows follow in steps; until all have, ``home`` is the pattern they come from. Otherwise both are
    # equal.
    pattern = models.ForeignKey("self", models.DO_NOTHING, related_name="templates", db_constraint=False)
    home = models.ForeignKey("self", models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    wording = models.TextField()  # what the templates that the rules joined have in common

    class Meta:
        indexes: ClassVar = [
            models.Index("rules", "axis", "first_position", name="template_axis_first"),
            models.Index("home", condition=~models.Q(home=F("pattern")), name="template_moving"),
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.text}"


class PatternAxis(models.Model):
    pk = models.CompositePrimaryKey("rules", "axis")
    rules = models.IntegerField()
    axis = CodePointTextField()
    named = models.IntegerField()  # templates below the limit
    newest = models.BigIntegerField()  # the greatest first position among them
    # First position of the first template that is not grouped, or whose groups changed by hand; NULL: all done.
    pending = models.BigIntegerField(null=True)
    # Incremented whenever the groups or their inputs change, except for templates appended at the end.
    version = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("rules", "pending", condition=models.Q(pending__isnull=False), name="pattern_axis_pending")
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.named} templates"


class DenialPattern(models.Model):
    pk = models.CompositePrimaryKey("entry_id", "template_id")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="patterns", db_column="position", db_constraint=False, db_index=False
    )
    template = models.ForeignKey(
        Template, models.DO_NOTHING, related_name="denials", db_constraint=False, db_index=False
    )
    # A copy of the template's pattern that makes a list one index range; it may lag at the template's ``home``.
    pattern = models.ForeignKey(Template, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    ts_ms = models.BigIntegerField()
    blueprint_id = CodePointTextField()
    rejected = models.BooleanField()  # the entry's status

    class Meta:
        indexes: ClassVar = [models.Index("pattern", "ts_ms", "entry", name="denial_pattern_ts")]


class TemplateTally(models.Model):
    """Denied runs by Blueprint and UTC day (days since 1970; NULL: implausible time)."""

    day = models.BigIntegerField(null=True)
    blueprint_id = CodePointTextField()
    template = models.ForeignKey(
        Template, models.DO_NOTHING, related_name="tallies", db_constraint=False, db_index=False
    )
    denied = models.BigIntegerField()
    rejected = models.BigIntegerField()  # in rejected entries

    class Meta:
        indexes: ClassVar = [
            models.Index("day", name="template_tally_day"),
            models.Index("template", "day", name="template_tally_template"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("day", Value(NO_DAY)), F("blueprint_id"), F("template"), name="template_tally_unique"
            )
        ]


class PatternRules(models.Model):
    """The only row: the rules version served, and the one being derived."""

    id = models.IntegerField(primary_key=True)
    served = models.IntegerField(null=True)  # NULL: none yet
    building = models.IntegerField(null=True)  # NULL: nothing is being derived
    done = models.BigIntegerField()  # entries up to this position are derived
    regrouped = models.BigIntegerField()  # counts changes of groups

    def __str__(self) -> str:
        return f"version {self.served} is served"


class PatternChange(models.Model):
    """A manual split (the templates form a pattern) or merge (their patterns become one). Times are epoch ms."""

    axis = CodePointTextField()
    kind = models.TextField()
    templates = models.TextField()  # JSON array of masked templates, so that it survives a rebuild
    made_by = models.TextField()
    made_ms = models.BigIntegerField()
    undone_by = models.TextField(null=True)
    undone_ms = models.BigIntegerField(null=True)  # NULL: in force
    # Of a merge of patterns with different states: the change of states that it made.
    kept = models.ForeignKey(
        "StateChange", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        indexes: ClassVar = [models.Index("axis", "id", name="pattern_change_axis")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=["split", "merge"]), name="pattern_change_kind_known")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.axis}"
