"""What following a host keeps beside the entries. Nobody writes or reads here but ``store.followed``."""

from typing import ClassVar

from django.db import models

from enhancelog.backends.fields import CodePointTextField


class BlueprintDocument(models.Model):
    """A Blueprint's head document as a followed host showed it, kept under its hash: JSON text, as received."""

    blueprint_id = CodePointTextField()
    hash = CodePointTextField()
    document = models.TextField()
    recorded_ms = models.BigIntegerField()
    source = CodePointTextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("blueprint_id", "hash", name="blueprint_document_unique")]

    def __str__(self) -> str:
        return f"{self.blueprint_id} at {self.hash}"


class FollowFinding(models.Model):
    """Something odd about a followed host that was reported, so that it is reported once, whoever restarts.

    ``kind`` is conflict, quarantined or vanished; ``subject`` the issue_id (quarantined: empty); ``digest`` the SHA-256
    of what stood there (vanished: empty).
    """

    source = CodePointTextField()
    kind = models.TextField()
    subject = CodePointTextField()
    digest = models.TextField()
    reported_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("source", "kind", "subject", "digest", name="follow_finding_unique")
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.kind} {self.subject}"
