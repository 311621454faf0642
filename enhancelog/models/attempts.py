from typing import ClassVar

from django.db import models
from django.db.models import Q


class Attempt(models.Model):
    """A run as an attempt at a wish (a hash). ``queries.threads`` decides which attempts form a thread."""

    pk = models.CompositePrimaryKey("wish", "ts_ms", "entry_id")  # the order in which threads are read
    wish = models.BigIntegerField()
    ts_ms = models.BigIntegerField()
    entry_id = models.BigIntegerField(db_column="position", unique=True)
    applied = models.BooleanField()

    class Meta:
        indexes: ClassVar = [
            models.Index("wish", "ts_ms", "entry_id", name="attempt_applied", condition=Q(applied=True)),
        ]
