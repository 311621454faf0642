"""A server stays with the file that it began with."""

# It makes no new one, and writes to none that was moved away. An open file can be moved, and written in its new place:
# what a server acknowledges would be missing in the database that is restored meanwhile.

import os
from typing import Final

from django.db import OperationalError

Identity = tuple[int, int]

_begun: Final[dict[str, Identity]] = {}


def begin(path: str) -> None:
    if found := _identity(path):
        _begun[path] = found


def has_begun(path: str) -> bool:
    return path in _begun


def is_same(path: str) -> bool:
    return path not in _begun or _identity(path) == _begun[path]


def require(path: str) -> None:
    """Raises ``OperationalError``."""
    if is_same(path):
        return
    what = "another file than" if os.path.exists(path) else "not there any more, as it was"
    raise OperationalError(f"{path} is {what} when this server started; stop the server, put the file there, and start")


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError:  # the disk fails, of which SQLite says more
        return _begun.get(path)
    return found.st_dev, found.st_ino
