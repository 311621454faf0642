from typing import ClassVar

from django.db import models
from django.db.models import Q
from knox.models import AbstractAuthToken


class Token(AbstractAuthToken):
    """Only a digest is stored. Invalid once its user is inactive."""

    # Revoked tokens are kept, so that their name in the log stays explained. The lists contain strings: an empty
    # write_ list means no restriction, and an item ending in "*" is a prefix.
    digest = models.CharField(max_length=128, unique=True)
    name = models.CharField(max_length=80)
    scopes = models.JSONField()
    write_blueprints = models.JSONField(default=list, blank=True)
    write_kinds = models.JSONField(default=list, blank=True)
    made_by = models.TextField()
    last_used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # Entries carry the token's name, so it must be unambiguous.
            models.UniqueConstraint(fields=["name"], condition=Q(revoked__isnull=True), name="token_name_unique")
        ]

    def __str__(self) -> str:
        return str(self.name)
