"""What entries' patches touched, derived from their operations and from Blueprints' documents."""

from typing import ClassVar

from django.db import models

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.log import Entry


# A place in a Blueprint that an entry's patch touched: each whole beginning of an operation's ``path`` or ``from``,
# with the indexes of the patch and, if the document before is stored, once more with the names of list items. Derived.
class Touch(models.Model):
    pk = models.CompositePrimaryKey("entry_id", "place")
    entry = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="touches", db_column="position", db_constraint=False, db_index=False
    )
    place = CodePointTextField()  # RFC 6901
    blueprint_id = CodePointTextField()
    ts_ms = models.BigIntegerField()
    rejected = models.BooleanField()
    is_whole = models.BooleanField()  # an operation's whole path or from
    is_named = models.BooleanField()
    has_named = models.BooleanField()  # there is the same place with names
    patch = models.BigIntegerField()  # position; 0: the entry's own operations
    document = models.BigIntegerField()  # position of the document with the names; 0: named by none

    class Meta:
        indexes: ClassVar = [
            models.Index("place", "ts_ms", "entry", name="touch_place_ts"),
            models.Index("blueprint_id", "place", "ts_ms", "entry", name="touch_blueprint_place_ts"),
            models.Index(
                "blueprint_id", "place", "ts_ms", "entry", name="touch_applied", condition=models.Q(rejected=False)
            ),
        ]


# An entry whose touches must be derived again.
class TouchPending(models.Model):
    entry_id = models.BigIntegerField(primary_key=True, db_column="position")


# An entry whose document before could still give names. ``key``: digest of its ``prev_hash``.
class TouchAwaiting(models.Model):
    entry_id = models.BigIntegerField(primary_key=True, db_column="position")
    key = models.TextField()
    is_missing = models.BooleanField()  # else its JSON is stored, but not its YAML

    class Meta:
        indexes: ClassVar = [models.Index("key", "entry_id", name="touch_awaiting_key")]


# The only row. All touches that follow from rows up to ``entries``, ``patches`` and ``documents`` are derived, except
# those of entries with operations of their own beyond ``own``.
class TouchDerivation(models.Model):
    id = models.IntegerField(primary_key=True)
    own = models.BigIntegerField()
    entries = models.BigIntegerField(null=True)  # NULL: there is no ``HostJoin`` yet
    patches = models.BigIntegerField()
    documents = models.BigIntegerField()
    documents_queued = models.BigIntegerField()  # who waited for documents up to here has been made pending

    def __str__(self) -> str:
        return f"touches up to entry {self.own}"
