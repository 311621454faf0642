"""The tree over the log, and what was signed of it: ``store.evidence`` writes."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Tile(models.Model):
    """256 hashes of the tree, or fewer at its right edge (``evidence.tiles``). It follows from the log."""

    pk = models.CompositePrimaryKey("level", "number")
    level = models.IntegerField()
    number = models.BigIntegerField()  # from the left
    hashes = models.BinaryField()

    def __str__(self) -> str:
        return f"level {self.level}, tile {self.number}"


class Checkpoint(models.Model):
    """The one row: the last checkpoint, whose tree the tiles hold."""

    id = models.IntegerField(primary_key=True)
    size = models.BigIntegerField()  # entries
    note = models.TextField()  # signed, with the signatures of witnesses
    signed_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="checkpoint_is_one")]

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries"
