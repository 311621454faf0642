from typing import ClassVar

from django.db import models

from enhancelog.backends.fields import CodePointTextField


class FollowFinding(models.Model):
    """A finding that was reported, so that it is reported once."""

    source = CodePointTextField()
    kind = models.TextField()  # conflict, quarantined, vanished
    subject = CodePointTextField()  # the issue_id; empty if quarantined
    digest = models.TextField()  # SHA-256 of what was found; empty if vanished
    reported_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("source", "kind", "subject", "digest", name="follow_finding_unique")
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.kind} {self.subject}"
