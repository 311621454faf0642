"""What an error is taken for: no space, unable to work, or a bug."""

import errno
import sqlite3

import psycopg.errors
import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, ProgrammingError, connection
from django.test import Client

from enhancelog.accounts.session_store import SessionStore
from enhancelog.backends.disk import fault_of, is_of_disk
from enhancelog.domain.errors import Full, Other
from tests.pages import read


def wrapped(error: Exception, cause: Exception) -> Exception:
    """As Django wraps its drivers' errors."""
    error.__cause__ = cause
    return error


def sqlite(code: int, kind: type[Exception] = OperationalError) -> Exception:
    cause = sqlite3.OperationalError("said by SQLite")
    cause.sqlite_errorcode = code
    return wrapped(kind("said by SQLite"), cause)


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.EFBIG, "File too large"),
    sqlite(sqlite3.SQLITE_FULL),
    wrapped(OperationalError("could not extend file"), psycopg.errors.DiskFull()),
    wrapped(OperationalError("cannot open the write lock"), OSError(errno.ENOSPC, "No space left on device")),
]
FAILING = [
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.EROFS, "Read-only file system"),
    sqlite(sqlite3.SQLITE_IOERR_FSYNC),
    sqlite(sqlite3.SQLITE_READONLY),
    sqlite(sqlite3.SQLITE_CORRUPT, DatabaseError),
    sqlite(sqlite3.SQLITE_NOTADB, DatabaseError),
    wrapped(OperationalError("could not read block"), psycopg.errors.IoError()),
    wrapped(DatabaseError("invalid page"), psycopg.errors.DataCorrupted()),
]
AWAY = [
    OperationalError("server closed the connection unexpectedly"),
    sqlite(sqlite3.SQLITE_BUSY),
    OSError(errno.EMFILE, "Too many open files"),
    wrapped(DatabaseError("cannot execute INSERT"), psycopg.errors.ReadOnlySqlTransaction()),
]
BUGS = [
    ValueError("bad"),
    KeyError("x"),
    FileNotFoundError(errno.ENOENT, "No such file"),
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    IntegrityError("twice"),
    DataError("too long"),
    ProgrammingError("no such column"),
]


@pytest.mark.parametrize("error", FULL, ids=repr)
def test_no_space_is_full(error: Exception) -> None:
    assert isinstance(fault_of(error), Full)
    assert is_of_disk(error)


@pytest.mark.parametrize("error", FAILING, ids=repr)
def test_failing_disk_is_other_and_not_tried_again(error: Exception) -> None:
    assert type(fault_of(error)) is Other
    assert is_of_disk(error)


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_database_that_is_away_is_other_and_tried_again(error: Exception) -> None:
    assert type(fault_of(error)) is Other
    assert not is_of_disk(error)


@pytest.mark.parametrize("error", BUGS, ids=repr)
def test_anything_else_is_a_bug(error: Exception) -> None:
    assert fault_of(error) is None
    assert not is_of_disk(error)


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "status"), [(FULL[0], 507), (FULL[3], 507), (FAILING[2], 503), (FAILING[4], 503)])
def test_session_that_cannot_be_stored_is_no_failure_of_ours(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored behind the view, in a middleware."""

    def save(*arguments: object, **named: object) -> None:
        raise error

    User.objects.create_user("ada", password="right")
    client = Client(raise_request_exception=False)
    monkeypatch.setattr(SessionStore, "save", save)
    response = client.post("/account/sign-in", {"username": "ada", "password": "right"})
    assert response.status_code == status
    assert int(response.headers["Retry-After"]) > 0
    assert f"{status}" in read(response).words
    assert b"said by" not in response.content


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite's connections")
@pytest.mark.once
def test_connection_that_met_an_error_is_replaced() -> None:
    """One that was opened on a read-only disk would stay read-only."""
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT nothing FROM nowhere")
    before = connection.connection
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert connection.connection is not before
