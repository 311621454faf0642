"""The data folder, and the secret key in it. Both raise ``ImproperlyConfigured``."""

import os
import secrets
import sys
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from enhancelog.backends.disk import is_writable
from enhancelog.settings import reading


def prepared(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"ENHANCELOG_DATA_DIR: cannot create the folder {path}: {error.strerror}; choose another"
        ) from None
    if not is_writable(path) and not _only_reads():
        raise ImproperlyConfigured(f"ENHANCELOG_DATA_DIR: the folder {path} is not writable; choose another")
    return path


def _only_reads() -> bool:
    """Whether the command works on a read-only data folder, to rescue the data."""
    return sys.argv[1:2] in (["backup"], ["export_content"], ["export_log"], ["export_triage"], ["verify_log"])


def secret_key(path: Path) -> str:
    """The key from the environment, else from the data folder, where it is created if missing."""
    given = reading.text("ENHANCELOG_SECRET_KEY", "in the data folder")
    if given:
        if len(given) < 32:
            raise ImproperlyConfigured("ENHANCELOG_SECRET_KEY: needs at least 32 characters")
        return given
    try:
        if not path.exists():
            _create_secret_key(path)
        key = path.read_text().strip()
    except OSError as error:
        if _only_reads():
            return secrets.token_urlsafe(50)  # nothing is signed
        raise ImproperlyConfigured(
            f"ENHANCELOG_DATA_DIR: cannot store the secret key {path}: {error.strerror}"
        ) from None
    if not key:  # left by an older release on a full disk
        raise ImproperlyConfigured(f"ENHANCELOG_DATA_DIR: the key {path} is empty; remove it to create a new one")
    return key


def _create_secret_key(path: Path) -> None:
    # A linked file is whole, also on a full disk, and one that another process created first stays.
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        os.link(name, path)
    except FileExistsError:
        pass
    except PermissionError:  # a file system without hard links
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
