"""Who did what: changes that people and programs make beside the log; ``store.audit`` writes."""

from typing import ClassVar

from django.db import models

from enhancelog.backends.fields import CodePointTextField


# Written once.
class AuditRecord(models.Model):
    position = models.BigIntegerField(primary_key=True)  # dense, in commit order, like an entry's
    recorded_ms = models.BigIntegerField()
    actor_kind = CodePointTextField()
    actor_name = CodePointTextField()
    act = CodePointTextField()  # one of ``domain.audit.ACTS``
    about = CodePointTextField()  # its kind: pattern, entry, token, …
    about_id = CodePointTextField()
    detail = models.TextField()  # a JSON object

    class Meta:
        indexes: ClassVar = [
            models.Index("about", "about_id", "position", name="audit_record_about"),
            models.Index("act", "position", name="audit_record_act"),
            models.Index("actor_name", "position", name="audit_record_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.about_id}"
