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
    """Two rows: the last checkpoint, whose tree the tiles hold, and the last one that witnesses cosigned."""

    id = models.IntegerField(primary_key=True)
    size = models.BigIntegerField()  # entries
    note = models.TextField()  # signed; the second one with the signatures of witnesses
    signed_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1) | Q(id=2), name="checkpoints_are_two")]

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries"


class Witness(models.Model):
    """What is known of a witness that ENHANCELOG_WITNESSES names."""

    key = models.TextField(primary_key=True)  # its verifier key in the text form
    size = models.BigIntegerField(default=0)  # entries of the checkpoint that it cosigned last, as far as is known
    round_ms = models.BigIntegerField(default=0)  # when the last round began, in which some witnesses are asked
    next_ms = models.BigIntegerField(default=0)  # after a refusal: not to be asked before
    cosigned_ms = models.BigIntegerField(null=True)
    failure = models.TextField(default="")  # its kind; empty: the last answer was a cosignature
    detail = models.TextField(default="")
    failed_ms = models.BigIntegerField(null=True)  # since when

    def __str__(self) -> str:
        return f"{self.key}: {self.failure or 'cosigns'}"
