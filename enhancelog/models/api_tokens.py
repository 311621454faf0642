"""API tokens. Nobody writes or reads here but ``enhancelog.accounts.api_tokens``."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from knox.models import AbstractAuthToken


class Token(AbstractAuthToken):
    """What one API client signs its requests with: a digest of the secret, and what it may do.

    ``user`` owns it; it stops with them. The lists are of strings; an empty ``write_…`` list is no limit, an item
    ending in ``*`` means everything that begins so. A revoked token is kept, so that what it wrote stays explained.
    """

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
            # What a token writes carries its name, so a name means one token at a time.
            models.UniqueConstraint(fields=["name"], condition=Q(revoked__isnull=True), name="token_name_unique")
        ]

    def __str__(self) -> str:
        return str(self.name)
