"""What retry threads are found by. Nobody writes here but ``projections.threads``."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Attempt(models.Model):
    """One run as an attempt at a wish, ``wish`` being a hash. The primary key is the order in which threads are walked;
    which attempts are one thread depends on their neighbours, and that is for ``queries.threads`` to say."""

    pk = models.CompositePrimaryKey("wish", "ts_ms", "entry_id")
    wish = models.BigIntegerField()
    ts_ms = models.BigIntegerField()
    entry_id = models.BigIntegerField(db_column="position", unique=True)
    applied = models.BooleanField()

    class Meta:
        indexes: ClassVar = [
            models.Index("wish", "ts_ms", "entry_id", name="attempt_applied", condition=Q(applied=True)),
        ]
