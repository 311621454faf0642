"""What denials in prose say, as far as their words tell."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.log import Entry
from enhancelog.models.projections import NO_DAY

# Derived from the log by ``enhancelog.themes`` in position order, after the commit, and written by
# ``store.theme_derivation``. A change of its rules empties all of it and derives it again.


class ThemeProgress(models.Model):
    """The only row: denials of every axis are counted up to ``position``."""

    id = models.IntegerField(primary_key=True)
    rules = models.IntegerField()  # 0, or of another release: all is to be emptied
    position = models.BigIntegerField()
    # Incremented whenever something of any axis is written; it never starts over.
    version = models.BigIntegerField()

    def __str__(self) -> str:
        return f"up to {self.position}"


class ThemeAxis(models.Model):
    axis = CodePointTextField(primary_key=True)
    denials = models.BigIntegerField()  # up to the progress
    # Whether it looked like prose when that was last asked, and since which denial it did twice in a row.
    inclined = models.BooleanField()
    prose_since = models.BigIntegerField(null=True)
    is_prose = models.BooleanField()  # it does, and is one of the first that did: it has themes
    # Its rows go, its denials are counted again, and what is left is derived from the first denial on. Until then,
    # the rows that are still there say nothing.
    starts_over = models.BooleanField()
    position = models.BigIntegerField()  # of the last denial that has got its theme
    grouped = models.BigIntegerField()  # how many have; if as many as ``denials``, all up to the progress

    class Meta:
        indexes: ClassVar = [
            models.Index("axis", condition=models.Q(is_prose=True), name="theme_axis_prose"),
            models.Index(
                "prose_since", "axis", condition=models.Q(prose_since__isnull=False), name="theme_axis_prose_since"
            ),
            models.Index("axis", condition=models.Q(starts_over=True), name="theme_axis_starts_over"),
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.denials} denials"


class ThemeState(models.Model):
    """From which an axis's themes go on. Beside ``ThemeAxis``, which is written more often."""

    axis = CodePointTextField(primary_key=True)
    saved = models.TextField()  # ``Themes.save``, with words of the details

    def __str__(self) -> str:
        return str(self.axis)


class ThemeWording(models.Model):
    """Denials that share most of their words. A wording lasts; what it belongs to may change."""

    pk = models.CompositePrimaryKey("axis", "number")
    axis = CodePointTextField()
    number = models.IntegerField()
    leader = models.IntegerField()  # the wording into which it was folded, or itself
    theme = models.IntegerField(null=True)  # named by its first wording; NULL: none any more

    class Meta:
        indexes: ClassVar = [
            models.Index("axis", "leader", name="theme_wording_leader"),
            models.Index("axis", "theme", name="theme_wording_theme"),
        ]


class ThemeLabel(models.Model):
    """Words that tell a theme from others of its axis."""

    pk = models.CompositePrimaryKey("axis", "theme")
    axis = CodePointTextField()
    theme = models.IntegerField()
    words = models.TextField()  # separated by spaces


class DenialTheme(models.Model):
    """A denial of an axis in prose. Without words it has no row."""

    pk = models.CompositePrimaryKey("entry_id", "axis")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="themes", db_column="position", db_constraint=False, db_index=False
    )
    axis = CodePointTextField()
    wording = models.IntegerField()
    ts_ms = models.BigIntegerField()
    blueprint_id = CodePointTextField()
    rejected = models.BooleanField()  # the entry's status

    class Meta:
        indexes: ClassVar = [models.Index("axis", "wording", "ts_ms", "entry", name="denial_theme_ts")]


class ThemeTally(models.Model):
    """Denials by wording and UTC day (days since 1970; NULL: implausible time)."""

    day = models.BigIntegerField(null=True)
    axis = CodePointTextField()
    wording = models.IntegerField()
    denied = models.BigIntegerField()
    rejected = models.BigIntegerField()  # in rejected entries

    class Meta:
        indexes: ClassVar = [models.Index("axis", "wording", "day", name="theme_tally_wording")]
        constraints: ClassVar = [
            models.UniqueConstraint(F("axis"), F("wording"), Coalesce("day", Value(NO_DAY)), name="theme_tally_unique")
        ]
