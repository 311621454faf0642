"""What is wrong with an installation, each problem with its fix: for the operator's page and for ``check``."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from enhancelog import links
from enhancelog.domain.installation import EVIDENCE, SEVERITIES, Positions, Problem, Queue, Severity, Space, Status
from enhancelog.domain.public_addresses import is_loopback
from enhancelog.domain.times import DAY_MS
from enhancelog.maintenance import database_problems, evidence_problems, witness_problems
from enhancelog.maintenance.disk_use import NETWORKED

GIB: Final = 1 << 30
LITTLE_BYTES: Final = GIB
LITTLE_SHARE: Final = 0.1
ENOUGH_BYTES: Final = 50 * GIB  # of a large disk, a tenth is plenty
ALMOST_FULL_BYTES: Final = 64 << 20

BACKUP_DAYS: Final = 7
LATE_MS: Final = 5 * 60_000  # far more than any worker takes
CLOCK_MS: Final = 60_000
FEWEST_CHARACTERS: Final = 10

PAGE: Final = "operations.md#the-operators-page"


def found_in(status: Status) -> list[Problem]:
    """Except those of ``integrity``; the worst first."""
    found = [problem for find in _FINDERS for problem in find(status)]
    return sorted(found, key=lambda problem: SEVERITIES.index(problem.severity))


def _of_disk(status: Status) -> Iterator[Problem]:
    disk = status.disk
    if disk is None:
        text = f"The data folder {settings.DATA_DIR} cannot be read."
        yield Problem("data-folder", "error", text, "Mount its disk, or correct ENHANCELOG_DATA_DIR.", _FAULTS)
        return
    if not disk.is_writable:
        fix = "Make it writable for the user that runs the server, or choose another with ENHANCELOG_DATA_DIR."
        yield Problem("data-folder", "error", f"The data folder {disk.folder} is not writable.", fix, _FAULTS)
    for space in disk.spaces:
        yield from _of_space(space)
    if disk.open_to_others:
        text = f"Other users can read the data folder {disk.folder}, which holds the secret key."
        yield Problem("open-folder", "warning", text, f"Run: chmod 700 {disk.folder}", "settings.md")
    if disk.file_system in NETWORKED and status.database.kind == "SQLite":
        text = f"The SQLite database is on a network file system ({disk.file_system}), whose locks can fail."
        fix = "Move it to a local disk (ENHANCELOG_DATA_DIR or DATABASE_URL), or use PostgreSQL."
        yield Problem("network-disk", "warning", text, fix, "operations.md#postgresql")
    if disk.quarantines_found:
        text = (
            f"Imports refused rows; {_counted(disk.quarantines_found, 'file')} in {disk.folder}/quarantine kept them."
        )
        fix = "Correct the rows, import the file again, then delete it."
        yield Problem("quarantine", "warning", text, fix, "operations.md#moving-data")


def is_little(space: Space) -> bool:
    """Whether so little is free that the operator is warned, and that ``serve`` makes no copy."""
    if space.free_bytes < LITTLE_BYTES:
        return True
    return space.free_bytes < min(LITTLE_SHARE * space.bytes, ENOUGH_BYTES)


def _of_space(space: Space) -> Iterator[Problem]:
    if not is_little(space):
        return
    percent = math.floor(100 * space.free_bytes / max(space.bytes, 1))
    is_full = space.free_bytes < ALMOST_FULL_BYTES
    text = f"The disk of {space.folder} has {megabytes(space.free_bytes)} free ({percent} %)."
    fix = "Free space on it, or enlarge it; old copies in backups/ are the first to move elsewhere."
    yield Problem("disk-space", "error" if is_full else "warning", text, fix, _FAULTS)


def _of_backups(status: Status) -> Iterator[Problem]:
    if settings.DEMO:
        return
    yield from _of_automatic_backups(status)
    # On PostgreSQL, somebody else's pg_dump leaves nothing that this server could see.
    if status.disk is None or status.database.kind != "SQLite":
        return
    if status.positions is None or not status.positions.log:
        return
    copies = [file.modified_ms for file in status.disk.backups[:1]]
    newest = max([*copies, status.disk.copied_ms or 0])
    days = (status.checked_ms - newest) // DAY_MS
    if newest and days < BACKUP_DAYS:
        return
    text = f"The last backup is {days} days old." if newest else "There is no backup of the database."
    fix = f"Run: {settings.PROGRAM} backup (daily, from cron or a timer), or let serve do it (ENHANCELOG_BACKUP_EVERY)"
    yield Problem("backup", "warning", text, fix, _BACKUP)


def _of_automatic_backups(status: Status) -> Iterator[Problem]:
    backups = status.backups
    if not backups.every_s:
        return
    if backups.unable:
        text = f"The server makes no backups: {backups.unable}."
        fix = "Install it; or set ENHANCELOG_BACKUP_EVERY=0 if the database is copied in another way."
        yield Problem("backup-tool", "note", text, fix, _BACKUP)
    elif backups.failed_ms is not None:
        text = f"The server has made no backup since {_time(backups.failed_ms)}: {backups.reason}."
        again = f"it is tried again at {_time(backups.next_ms or 0)}"
        fix = f"Remove the cause; {again}. To copy elsewhere now, run: {settings.PROGRAM} backup FILE"
        yield Problem("backup-failed", "warning", text, fix, _BACKUP)


def _of_clock(status: Status) -> Iterator[Problem]:
    at: Positions | None = status.positions
    if at is not None and at.recorded_ms > status.checked_ms + CLOCK_MS:
        text = f"The clock went back: the newest entry was stored at {_time(at.recorded_ms)}, which is in the future."
        fix = "Synchronize the clocks of all hosts that serve this database, for example with chrony."
        yield Problem("clock", "warning", text, fix, PAGE)


def _of_work(status: Status) -> Iterator[Problem]:
    for each in status.derivations or []:
        what = each.name[:1].upper() + each.name[1:]
        if each.is_rebuilding:
            percent = 100 * each.up_to // max(each.last, 1)
            text = f"{what} are derived by the rules of this release: {percent} % are done."
            yield Problem(
                "rebuild", "note", text, "Wait: the server continues in the background.", "operations.md#upgrading"
            )
        elif each.name == EVIDENCE:
            continue  # ``evidence_problems`` knows why
        elif each.since_ms is not None and status.checked_ms - each.since_ms > LATE_MS:
            text = f"{what} are {each.behind:,} {each.of} behind, since {_time(each.since_ms)}."
            fix = (
                'Start the server if it is stopped; otherwise look for "cannot derive" or "cannot evaluate" in its log.'
            )
            yield Problem("behind", "warning", text, fix, PAGE)


def _of_messages(status: Status) -> Iterator[Problem]:
    queue: Queue | None = status.queue
    if queue is None:
        return
    if queue.due_ms is not None and status.checked_ms - queue.due_ms > LATE_MS:
        is_held = queue.held_until_ms > status.checked_ms
        by = f"although {queue.holder} sends" if is_held else "and no process sends them"
        fix = 'Start the server if it is stopped; otherwise look for "cannot evaluate or send" in its log.'
        text = f"Messages of alerts are overdue since {_time(queue.due_ms)}, {by}."
        yield Problem("overdue", "warning", text, fix, "alerts.md#where-messages-go")
    if queue.by_mail and settings.MAIL_SERVER is None:
        text = "Alerts are to be sent by mail, but there is no mail server."
        yield Problem("no-mail-server", "warning", text, "Set ENHANCELOG_EMAIL_URL.", "settings.md")
    if queue.dead:
        text = f"{_counted(queue.dead, 'message')} of the latest could not be delivered."
        fix = f"Open {links.at('/alerts/deliveries/')}?state=dead, correct the receivers, and send them again."
        yield Problem("dead-messages", "warning", text, fix, "alerts.md#where-messages-go")
    for names, how in ((queue.failing, "fails"), (queue.failed, "failed until the alert was switched off")):
        if names:
            text = f"The receiver of {_named(names)} {how}."
            fix = f"Open {links.at('/alerts/')}, correct the address, and switch the alert on."
            yield Problem("receivers", "warning", text, fix, "alerts.md#where-messages-go")
    if queue.stuck:
        text = f"Alerts cannot be evaluated: {_named(queue.stuck)}."
        where = links.at("/alerts/")
        fix = f'Look for "cannot evaluate alert" in the server\'s log; then change them at {where}, or switch them off.'
        yield Problem("stuck-alerts", "warning", text, fix, PAGE)


def _of_settings(status: Status) -> Iterator[Problem]:
    is_local = is_loopback(urlsplit(settings.PUBLIC_URL).hostname or "")
    if not settings.HTTPS and not is_local:
        text = f"Passwords and sessions cross the network unencrypted, because ENHANCELOG_URL is {settings.PUBLIC_URL}."
        fix = "Let a proxy terminate TLS, and set ENHANCELOG_URL to its https:// address."
        yield Problem("no-tls", "warning", text, fix, _PROXY)
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        text = "ENHANCELOG_URL is https, but no proxy is trusted. Requests through one are refused."
        fix = "If a proxy terminates TLS, set ENHANCELOG_TRUSTED_PROXIES to its address."
        yield Problem("untrusted-proxy", "note", text, fix, _PROXY)  # another server may terminate TLS itself
    if any(network.prefixlen == 0 for network in settings.TRUSTED_PROXIES):
        anybody = "sign in as anybody" if settings.REMOTE_USER_HEADER else "say which address a request is from"
        text = f"ENHANCELOG_TRUSTED_PROXIES trusts every address, so whoever reaches the server can {anybody}."
        severity: Severity = "error" if settings.REMOTE_USER_HEADER else "warning"
        yield Problem("any-proxy", severity, text, "Name the proxy's address or its network alone.", _PROXY)
    if settings.PUBLIC_READ and not is_local:
        text = f"Anyone who can reach {settings.PUBLIC_URL} can read the log without signing in."
        yield Problem(
            "public-read", "note", text, "If that is not intended, unset ENHANCELOG_PUBLIC_READ.", "settings.md"
        )
    if len(set(settings.SECRET_KEY)) < FEWEST_CHARACTERS:
        text = f"The secret key has fewer than {FEWEST_CHARACTERS} different characters, so it can be guessed."
        fix = "Unset ENHANCELOG_SECRET_KEY, or set it to 50 random characters. All sessions end."
        yield Problem("weak-key", "error", text, fix, "settings.md")


_BACKUP: Final = "operations.md#backup"
_FAULTS: Final = "operations.md#when-the-disk-is-full-or-fails"
_PROXY: Final = "operations.md#behind-a-proxy"

_FINDERS: Final[tuple[Callable[[Status], Iterator[Problem]], ...]] = (
    database_problems.of_database,
    database_problems.of_replica,
    _of_disk,
    _of_work,
    evidence_problems.of_evidence,
    witness_problems.of_witnesses,
    _of_messages,
    _of_clock,
    _of_backups,
    _of_settings,
)


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def megabytes(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size >> 20} MiB"


def _counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"“{name[:60]}”" for name in names[:3]) + more
