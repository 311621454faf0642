"""Fills an empty database."""

import secrets

from django.conf import settings
from django.contrib.auth.models import User

from enhancelog.accounts import temporary_passwords

ADMIN = "admin"


def create_admin() -> str | None:
    if User.objects.exists() or not settings.LOCAL_SIGN_IN:
        return None
    password = secrets.token_urlsafe(12)
    admin = User.objects.create_superuser(username=ADMIN, password=password)
    if not settings.DEMO:
        temporary_passwords.mark(admin)  # it was printed, so logs may have it
    return password
