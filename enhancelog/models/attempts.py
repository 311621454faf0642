from typing import ClassVar

from django.db import models
from django.db.models import Q

from enhancelog.backends.fields import CodePointTextField

# Represents an implausible time in keys, which cannot be NULL. Plausible times are not negative.
NO_TIME = -1


class Attempt(models.Model):
    """A run as an attempt at an intent. ``queries.threads`` decides which attempts form a thread."""

    pk = models.CompositePrimaryKey("intent_key", "ts_ms", "entry_id")  # the order in which threads are read
    intent_key = models.BigIntegerField()  # a hash of Blueprint, source and the key of the intent's words
    ts_ms = models.BigIntegerField()
    entry_id = models.BigIntegerField(db_column="position", unique=True)
    applied = models.BooleanField()
    crowded = models.BooleanField()  # too many axes denied it to say what came next

    class Meta:
        indexes: ClassVar = [
            models.Index("intent_key", "ts_ms", "entry_id", name="attempt_applied", condition=Q(applied=True)),
        ]


class RunStart(models.Model):
    """A run by the document it began with."""

    pk = models.CompositePrimaryKey("start_key", "ts_ms", "entry_id")
    start_key = models.BigIntegerField()  # a hash of ``prev_hash``, which can be too long for an index
    ts_ms = models.BigIntegerField()  # or NO_TIME
    entry_id = models.BigIntegerField(db_column="position", unique=True)
    blueprint_id = CodePointTextField()
    applied = models.BooleanField()
