"""What the search index holds, read out of it word by word."""

from django.db import connection

from enhancelog.backends import SEARCH_TABLE

Indexed = set[tuple[int, str, int]]


def indexed() -> Indexed:
    """(position, word, place), places counted from 1."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"CREATE VIRTUAL TABLE temp.spoken USING fts5vocab (main, {SEARCH_TABLE}, instance)")
            try:
                cursor.execute("SELECT doc, term, offset + 1 FROM temp.spoken WHERE term != '·'")
                return set(cursor.fetchall())
            finally:
                cursor.execute("DROP TABLE temp.spoken")
        cursor.execute(
            "SELECT position, spoken.lexeme, unnest(spoken.positions)"
            f" FROM {SEARCH_TABLE}, unnest(words) AS spoken (lexeme, positions, weights)"
        )
        return set(cursor.fetchall())
