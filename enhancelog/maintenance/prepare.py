"""Fills an empty database: admin and demo data."""

import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from enhancelog.domain.times import DAY_MS, now_ms
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
    # An interrupted load continues with the same times, so its log is kept until the end.
    log = settings.DATA_DIR / "demo_log.db"
    if not log.exists():
        copy_demo_log(log)
    call_command("import_log", str(log), source="demo")
    for load in _demo_loaders:
        load()
    stamp.touch()
    log.unlink()


def copy_demo_log(to: Path) -> None:
    """All times are shifted by one whole number of days, so that the newest is from yesterday (UTC)."""
    part = to.with_suffix(".part")
    shutil.copyfile(DEMO_LOG, part)
    with closing(sqlite3.connect(part)) as log, log:
        (newest_ms,) = log.execute("SELECT MAX(ts_ms) FROM enhance_log").fetchone()
        days = now_ms() // DAY_MS - 1 - newest_ms // DAY_MS
        log.execute("UPDATE enhance_log SET ts_ms = ts_ms + ?", (days * DAY_MS,))
    part.replace(to)
