"""What was taken out of entries and documents: ``store.redacting*`` write."""

from typing import ClassVar

from django.db import models

from enhancelog.backends.fields import CodePointTextField


# Written once. Inserting one takes the texts out of its entry, by a trigger.
class Redaction(models.Model):
    pk = models.CompositePrimaryKey("position", "number")
    position = models.BigIntegerField()  # the entry's
    number = models.IntegerField()  # 1 for the entry's first
    recorded_ms = models.BigIntegerField()
    actor_kind = CodePointTextField()
    actor_name = CodePointTextField()
    source = CodePointTextField()
    tombstones = models.TextField()  # the entry's ``redacted`` after it
    digest = models.TextField()  # of the record after it; the entry has the inner hash of the original
    kept = models.TextField()  # a JSON object: hashes of the original texts, so that figures stay
    envelope = models.TextField()

    def __str__(self) -> str:
        return f"{self.position}, redaction {self.number}"


# Written once. Which entry's redaction took texts out of a patch, which may be of no entry later.
class RedactedPatch(models.Model):
    pk = models.CompositePrimaryKey("patch", "number")
    patch = models.BigIntegerField()  # its position
    number = models.IntegerField()  # 1 for the patch's first
    position = models.BigIntegerField()  # the entry's
    envelope = models.TextField()  # over the patch after it, too

    def __str__(self) -> str:
        return f"patch {self.patch}, redaction {self.number}"


# Written once. Inserting one takes the text out of its document, by a trigger: out of all rows that have its hash. None
# comes back, whatever its form.
class DocumentRedaction(models.Model):
    pk = models.CompositePrimaryKey("hash", "number")
    hash = CodePointTextField()
    number = models.IntegerField()  # always 1: nothing is left for a second
    recorded_ms = models.BigIntegerField()
    actor_kind = CodePointTextField()
    actor_name = CodePointTextField()
    source = CodePointTextField()
    tombstones = models.TextField()  # the document's ``redacted``
    envelope = models.TextField()  # over what stays of the document, too

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(number=1), name="document_redacted_once")]

    def __str__(self) -> str:
        return f"document {self.hash}"


# What an entry becomes. A row is here only while its redaction is inserted.
class KeptTexts(models.Model):
    position = models.BigIntegerField(primary_key=True)
    intent = models.TextField()
    rationale = models.TextField()
    verdicts = models.TextField()
    reasons = models.TextField()
    ops = models.TextField(null=True)
    meta = models.TextField(null=True)
    digest = models.TextField()
    envelope = models.TextField()
    salt = models.TextField(null=True)

    class Meta:
        verbose_name_plural = "kept texts"

    def __str__(self) -> str:
        return str(self.position)
