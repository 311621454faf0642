"""How statements are planned on PostgreSQL, whatever its server's defaults are."""

import pytest
from django.db import connection

pytestmark = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="settings of PostgreSQL")


@pytest.mark.parametrize(
    ("options", "jit", "cost"), [("", "off", "1.1"), ("-c jit=on", "on", "1.1"), ("-c random_page_cost=4", "off", "4")]
)
@pytest.mark.django_db
def test_statements_are_not_compiled_and_follow_indexes_unless_the_url_says_else(
    options: str, jit: str, cost: str
) -> None:
    other = connection.copy()
    other.settings_dict = {**connection.settings_dict, "OPTIONS": {"options": options}}
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT current_setting('jit'), current_setting('random_page_cost')")
            assert cursor.fetchone() == (jit, cost)
    finally:
        other.close()
