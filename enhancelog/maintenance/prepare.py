"""Fills an empty database: admin and demo data."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from enhancelog.store.database import last_position

ADMIN = "admin"
DEMO_LOG: Final = Path(__file__).resolve().parent.parent / "demo" / "enhance_log.db"

_demo_loaders: list[Callable[[], object]] = []


def register_demo(load: Callable[[], object]) -> None:
    """``load`` stores another app's demo data; it runs again after an interruption."""
    _demo_loaders.append(load)


def create_admin() -> str | None:
    users = get_user_model()._default_manager
    if users.exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(username=ADMIN, password=password)
    return password


def load_demo() -> None:
    """Idempotent; continues an interrupted load."""
    stamp = settings.DATA_DIR / "demo.loaded"
    if stamp.exists() and last_position():
        return
    call_command("import_log", str(DEMO_LOG), source="demo")
    for load in _demo_loaders:
        load()
    stamp.touch()
