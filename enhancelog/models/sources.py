"""Under which name each source is shown; ``store.sources`` writes."""

from typing import ClassVar

from django.db import models

from enhancelog.backends.fields import CodePointTextField


# Written once.
class SourceChange(models.Model):
    """From now on, what was recorded under ``source`` is shown as ``shown_as``, whatever earlier changes say."""

    id = models.BigIntegerField(primary_key=True)  # dense, in commit order
    source = CodePointTextField()
    shown_as = CodePointTextField()
    recorded_ms = models.BigIntegerField()
    actor_kind = models.TextField()
    actor_name = models.TextField()
    why = models.TextField()

    class Meta:
        indexes: ClassVar = [models.Index("source", "id", name="source_change_source")]

    def __str__(self) -> str:
        return f"{self.source} as {self.shown_as}"


# The only row, once there is a change: how far projections follow the changes.
class SourceProgress(models.Model):
    id = models.IntegerField(primary_key=True)
    changes = models.BigIntegerField()  # followed to the end
    entries = models.BigIntegerField()  # of the change after these: the position up to which entries follow it
    patches = models.BigIntegerField(null=True)  # and patches of hosts; NULL until all entries do

    def __str__(self) -> str:
        return f"{self.changes} changes of sources followed"
