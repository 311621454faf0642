"""Which message template wrote each denial's detail, and which templates are one pattern.

Derived from the log by the rules of ``enhancelog.patterns``, and written by ``projections.patterns`` alone; what people
split and merged by hand is no derivation and is written by ``store.pattern_changes``. Rows of two rules versions may
stand side by side: the old ones are served until the new ones are complete.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.log import Entry
from enhancelog.models.projections import NO_DAY


class Template(models.Model):
    """One masked template of one axis. ``key`` is its public id, ``first_position`` its first denial's entry.

    ``pattern`` is the template that leads the pattern it belongs to (its own when it leads): the one of the lowest
    position. ``wording`` is what the templates that the rules joined have in common. ``other`` stands for every
    template beyond the most that are told apart. A template of an earlier rules version that no longer has denials
    is kept for its id: its ``pattern`` is the present template of its first denial.

    After a change of ``pattern`` the rows of its denials follow in steps. Until all have, ``home`` is the pattern that
    they come from; otherwise it equals ``pattern``.
    """

    id = models.BigIntegerField(primary_key=True)
    rules = models.IntegerField()
    axis = CodePointTextField()
    text = models.TextField()
    other = models.BooleanField()
    key = CodePointTextField(unique=True)
    first_position = models.BigIntegerField()
    pattern = models.ForeignKey("self", models.DO_NOTHING, related_name="templates", db_constraint=False)
    home = models.ForeignKey("self", models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    wording = models.TextField()

    class Meta:
        indexes: ClassVar = [
            models.Index("rules", "axis", "first_position", name="template_axis_first"),
            models.Index("home", condition=~models.Q(home=F("pattern")), name="template_moving"),
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.text}"


class PatternAxis(models.Model):
    """How far the templates of one axis are grouped.

    ``named``: how many templates are told apart; ``newest``: the greatest first position among them. ``pending``: the
    first position of the first template that is not grouped yet, or whose groups changed by hand; NULL when nothing is
    left to do. ``version`` rises with every change of the groups and with every change of what they follow from, except
    for templates that come at the end.
    """

    pk = models.CompositePrimaryKey("rules", "axis")
    rules = models.IntegerField()
    axis = CodePointTextField()
    named = models.IntegerField()
    newest = models.BigIntegerField()
    pending = models.BigIntegerField(null=True)
    version = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("rules", "pending", condition=models.Q(pending__isnull=False), name="pattern_axis_pending")
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.named} templates"


class DenialPattern(models.Model):
    """The template and pattern of one denial, where it is of one. ``rejected``: the entry's status says so too.

    The pattern of ``template`` decides; ``pattern`` is a copy of it that makes a list one index range, and may still be
    that template's ``home``.
    """

    pk = models.CompositePrimaryKey("entry_id", "template_id")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="patterns", db_column="position", db_constraint=False, db_index=False
    )
    template = models.ForeignKey(
        Template, models.DO_NOTHING, related_name="denials", db_constraint=False, db_index=False
    )
    pattern = models.ForeignKey(Template, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    ts_ms = models.BigIntegerField()
    blueprint_id = CodePointTextField()
    rejected = models.BooleanField()

    class Meta:
        indexes: ClassVar = [models.Index("pattern", "ts_ms", "entry", name="denial_pattern_ts")]


class TemplateTally(models.Model):
    """How many runs one template denied in one Blueprint on one UTC day (days since 1970; NULL: no plausible time).

    ``rejected``: in entries whose status is rejected. A pattern's numbers are the sum over its templates.
    """

    day = models.BigIntegerField(null=True)
    blueprint_id = CodePointTextField()
    template = models.ForeignKey(
        Template, models.DO_NOTHING, related_name="tallies", db_constraint=False, db_index=False
    )
    denied = models.BigIntegerField()
    rejected = models.BigIntegerField()

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
    """The one row that says which rules version is read (``served``; NULL: none yet) and which one is being derived.

    ``done``: the position up to which entries were derived under ``building``; that is NULL when nothing is.
    ``regrouped`` counts the changes of groups.
    """

    id = models.IntegerField(primary_key=True)
    served = models.IntegerField(null=True)
    building = models.IntegerField(null=True)
    done = models.BigIntegerField()
    regrouped = models.BigIntegerField()

    def __str__(self) -> str:
        return f"version {self.served} is served"


class PatternChange(models.Model):
    """What somebody split or merged by hand. ``templates`` are masked templates (JSON array of text), so that a rebuild
    keeps it: split, they are a pattern of their own; merged, the patterns that hold them are one.

    Times are epoch ms; ``undone_ms`` is NULL while the change is in force.
    """

    axis = CodePointTextField()
    kind = models.TextField()
    templates = models.TextField()
    made_by = models.TextField()
    made_ms = models.BigIntegerField()
    undone_by = models.TextField(null=True)
    undone_ms = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index("axis", "id", name="pattern_change_axis")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=["split", "merge"]), name="pattern_change_kind_known")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.axis}"
