"""What only an empty database gets: somebody who can sign in, and for ``--demo`` its data."""

import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from content import demo
from enhancelog.store.database import last_position

ADMIN = "admin"
DEMO_LOG = Path(__file__).resolve().parent / "demo" / "enhance_log.db"


def create_admin() -> str | None:
    """Make the user ``admin`` when there is nobody yet; the password, to be shown once."""
    users = get_user_model()._default_manager
    if users.exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(username=ADMIN, password=password)
    return password


def load_demo() -> None:
    """The demo log and content, once; a load that was interrupted is gone on with."""
    stamp = settings.DATA_DIR / "demo.loaded"
    if stamp.exists() and last_position():
        return
    call_command("import_log", str(DEMO_LOG), source="demo")
    demo.load()
    stamp.touch()
