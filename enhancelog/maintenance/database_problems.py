"""What is wrong with the servers of PostgreSQL, or with the file of SQLite; see ``problems``."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings

from enhancelog.domain.installation import Problem, Replica, Status
from enhancelog.maintenance.worker_count import workers

LATE_REPLICA_S: Final = 60
# Of a worker, beside one for each thread: 4 check passwords, 4 work in the background, 2 answer long polls and 1 looks
# for their news, 1 appends, 1 is pg_dump's, 1 watches, 1 is for readiness. A replica has at least the primary's limit.
EXTRA_CONNECTIONS: Final = 15

_FAULTS: Final = "operations.md#when-the-disk-is-full-or-fails"
_REPLICA: Final = "scale.md#when-a-server-fails"


def without_database(reason: str, replica: Replica | None) -> Problem:
    if replica is None:
        text = f"The database cannot be used: {reason}."
        fix = "Start the database, or correct DATABASE_URL. The server needs no restart then."
        return Problem("database", "error", text, fix, _FAULTS)
    if replica.problem:
        text = f"Neither the primary nor its replica can be used: {reason}."
        fix = "Start the primary, or correct DATABASE_URL. The server needs no restart then."
    else:
        text = f"The primary cannot be used: {reason}. Running servers read from the replica, and write nothing."
        fix = "Start the primary; or promote the replica, and name it in DATABASE_URL."
    return Problem("database", "error", text, fix, _REPLICA)


def of_database(status: Status) -> Iterator[Problem]:
    database = status.database
    if database.is_read_only:
        fix = "SQLite: make its folder writable. PostgreSQL: connect to the primary (target_session_attrs=read-write)."
        yield Problem("read-only", "error", "The database is read-only, so nothing can be appended.", fix, _FAULTS)
    needed = settings.SERVERS * workers() * (settings.THREADS + EXTRA_CONNECTIONS)
    if database.max_connections is not None and needed > database.max_connections:
        text = f"{_servers()} may open {needed} connections, but the database allows {database.max_connections}."
        fix = f"Set PostgreSQL's max_connections above {needed + EXTRA_CONNECTIONS}, or lower ENHANCELOG_THREADS."
        yield Problem("connections", "warning", text, fix, "operations.md#postgresql")
    if database.waits_for:
        text = f"No standby is synchronous, so appends wait: synchronous_standby_names is {database.waits_for}."
        fix = (
            "Start the standby. If it runs, compare the setting with application_name in pg_stat_replication; to go on"
            " without it, empty the setting on the primary and run: SELECT pg_reload_conf()"
        )
        yield Problem("no-synchronous-standby", "error", text, fix, "scale.md#to-lose-nothing")


def of_replica(status: Status) -> Iterator[Problem]:
    replica = status.replica
    if replica is None:
        return
    if replica.problem:
        text = f"Nothing is read from the replica {replica.address}: {replica.problem}."
        meanwhile = "" if status.database.error else " Reads use the primary meanwhile;"
        fix = f"Start or repair it, or correct ENHANCELOG_READ_URL.{meanwhile or ' Then'} no restart is needed."
        yield Problem("replica", "warning", text, fix, _REPLICA)
    elif replica.behind_s is not None and replica.behind_s > LATE_REPLICA_S:
        of = "" if replica.behind is None else f"{replica.behind:,} {_entries(replica.behind)} and "
        text = f"The replica {replica.address} is {of}{replica.behind_s:,.0f} s behind, so reads use the primary."
        fix = "If its replay is paused, run on it: SELECT pg_wal_replay_resume(). Otherwise read its log."
        yield Problem("replica-behind", "warning", text, fix, _REPLICA)


def _entries(number: int) -> str:
    return "entry" if number == 1 else "entries"


def _servers() -> str:
    return "The server" if settings.SERVERS == 1 else f"The {settings.SERVERS} servers"
