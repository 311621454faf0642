"""What only PostgreSQL has: statements that stay prepared on their connection."""

import pytest
from django.db import connection

from enhancelog.backends import dialect
from tests.conftest import DATABASE

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(DATABASE != "postgresql", reason="PostgreSQL alone prepares statements on its side"),
]

TABLE = "kept_numbers"


def kept() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s", [f"%{TABLE}%"])
        return [statement for (statement,) in cursor.fetchall()]


def test_short_inserts_and_look_ups_stay_prepared_whatever_the_size_of_their_numbers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {TABLE} (number bigint)")
        for number in (1, 1 << 20, 1 << 40):
            dialect().insert_rows(cursor, TABLE, ["number"], [(number,)])
            found = dialect().fetch(cursor, f"SELECT number FROM {TABLE} WHERE number = %s", [number])
            assert found == [(number,)]
    assert len(kept()) == 2
