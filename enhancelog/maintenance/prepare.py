"""Fills an empty database."""

import secrets

from django.contrib.auth import get_user_model

ADMIN = "admin"


def create_admin() -> str | None:
    users = get_user_model()._default_manager
    if users.exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(username=ADMIN, password=password)
    return password
