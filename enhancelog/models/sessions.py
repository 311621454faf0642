from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone


class Session(AbstractBaseSession):
    """A sign-in of one browser. ``seen``, ``address`` and ``browser`` are of its last recorded use."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions")
    started = models.DateTimeField(default=timezone.now)
    seen = models.DateTimeField(default=timezone.now)
    address = models.TextField(default="")
    browser = models.TextField(default="")

    class Meta(AbstractBaseSession.Meta):
        default_permissions = ()  # the admin does not list them
        indexes: ClassVar = [models.Index("seen", name="session_seen")]

    def __str__(self) -> str:  # the admin shows it to whoever deletes the user; Django's own is the key
        return f"{self.browser or 'Unknown browser'}, signed in {self.started:%Y-%m-%d %H:%M} UTC"


class TemporaryPassword(models.Model):
    """The user must change the password, which somebody else knows, at the next sign-in."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)

    class Meta:
        default_permissions = ()
