from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from enhancelog.backends.fields import CodePointTextField


class SavedView(models.Model):
    """A named URL of a list."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = CodePointTextField()
    url = models.TextField()
    shared = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    key_digest = models.TextField(null=True)  # SHA-256 of the key that opens its feed
    key_made = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index("name", name="saved_view_shared", condition=Q(shared=True))]
        constraints: ClassVar = [models.UniqueConstraint("user", "name", name="saved_view_name_unique")]

    def __str__(self) -> str:
        return str(self.name)
