"""The copies that ``serve`` makes: when the next is due, and which are kept. The data folder remembers both."""

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from msgspec.structs import replace

from enhancelog.backends import dialect
from enhancelog.domain.backups import ENDING
from enhancelog.domain.installation import Backups
from enhancelog.domain.times import now_ms
from enhancelog.maintenance import backup, manifests, room
from enhancelog.queries import status as queried

# After a failure; twice as long after each further one.
FIRST_DELAY_MS: Final = 5 * 60_000
LONGEST_DELAY_MS: Final = 6 * 3_600_000
LONGEST_REASON: Final = 500

_NAME: Final = re.compile(r"serve-(\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z)-of-(.+)")
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]")


class Failures(msgspec.Struct, frozen=True):
    """Of the copies since the last one that succeeded."""

    since_ms: int
    last_ms: int
    number: int
    reason: str


def is_on() -> bool:
    return settings.BACKUP_EVERY is not None and not settings.DEMO


def unable() -> str:
    return dialect().copies.unable() if is_on() else ""


def look(unable: str) -> Backups:
    """Without the database."""
    if not is_on():
        return Backups(0, settings.BACKUP_KEEP)
    failures = _failures()
    found = Backups(
        every_s=round(_every_ms() / 1000),
        keep=settings.BACKUP_KEEP,
        last_ms=_last_ms(),
        next_ms=due_ms(),
        unable=unable,
    )
    if failures is None:
        return found
    return replace(found, failed_ms=failures.since_ms, reason=failures.reason)


def due_ms() -> int:
    last = _last_ms()
    due = last + _every_ms() if last is not None else now_ms()
    if failures := _failures():
        delay = min(FIRST_DELAY_MS << min(failures.number - 1, 10), LONGEST_DELAY_MS)
        due = max(due, min(failures.last_ms, now_ms()) + delay)
    return due


@contextmanager
def alone() -> Iterator[bool]:
    """Whether no other process that shares the data folder copies this database."""
    _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(_folder() / f".serve-of-{_database()}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # no file can be locked here
            pass
        yield True


def is_worth_it() -> bool:
    """Whether there is more than accounts yet, which every new server has. Raises the database's errors."""
    at = queried.positions()
    return bool(at.log or at.content)


def make(goes_on: Callable[[], object]) -> Path:
    """Under ``alone``. Raises as ``backup.make`` does."""
    _remove_manifests_alone()
    room.require(_folder(), _needed_bytes())
    target = _folder() / f"serve-{backup.timestamp()}-of-{_database()}"
    backup.make(target, "serve", goes_on)
    _state().unlink(missing_ok=True)
    others = [path for path in copies() if path != target]
    for old in others[settings.BACKUP_KEEP - 1 :]:
        old.unlink()
        manifests.beside(old).unlink(missing_ok=True)
    return target


def note_failure(reason: str) -> None:
    """Under ``alone``; the reason is one line."""
    before, now = _failures(), now_ms()
    since, number = (before.since_ms, before.number) if before else (now, 0)
    text = reason[:LONGEST_REASON].rstrip(".")
    with suppress(OSError):  # a full disk; the next start may then try again at once
        _state().write_bytes(msgspec.json.encode(Failures(since, now, number + 1, text)))


def copies() -> list[Path]:
    """Those of this database that ``serve`` made, the newest first; then those of the future, as a clock went wrong."""
    try:
        names = os.listdir(_folder())
    except FileNotFoundError:
        return []
    own = [found for name in names if (found := _is_own(name))]
    now = backup.timestamp()
    ordered = sorted(own, key=lambda found: (found[1] <= now, found[1]), reverse=True)
    return [_folder() / found[0] for found in ordered]


def _is_own(name: str) -> re.Match[str] | None:
    found = _NAME.fullmatch(name)
    return found if found and found[2] == _database() else None


def _remove_manifests_alone() -> None:
    # A server was killed before it could give the copy its name.
    for path in _folder().glob(f"serve-*-of-{_database()}{ENDING}"):
        copy = path.with_name(path.name.removesuffix(ENDING))
        if _is_own(copy.name) and not copy.exists():
            path.unlink(missing_ok=True)


def _needed_bytes() -> int:
    if newest := copies():
        return newest[0].stat().st_size
    with dialect().glance() as cursor:
        return dialect().facts(cursor).bytes or 0


def _folder() -> Path:
    return Path(settings.DATA_DIR, "backups")


def _database() -> str:
    """With the ending: SQLite and PostgreSQL may each have had a database of the same name."""
    copies = dialect().copies
    return _NOT_IN_NAMES.sub("_", copies.name()) + copies.ending


def _state() -> Path:
    return _folder() / f".serve-of-{_database()}.failures"


def _every_ms() -> int:
    return round(settings.BACKUP_EVERY / timedelta(milliseconds=1)) if settings.BACKUP_EVERY else 0


def _last_ms() -> int | None:
    newest = next(iter(copies()), None)
    found = _NAME.fullmatch(newest.name) if newest else None
    if found is None:
        return None
    try:
        made = datetime.strptime(found[1], backup.TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:  # a date that does not exist
        return None
    last = round(made.timestamp() * 1000)
    return last if last <= now_ms() else None


def _failures() -> Failures | None:
    try:
        return msgspec.json.decode(_state().read_bytes(), type=Failures)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
