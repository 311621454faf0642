"""Looks through all tables of the database."""

from django.db import connection


def holding(text: str) -> list[str]:
    """The columns, of all tables, that have the text in some row; the search index's words are among them."""
    found = []
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if table.startswith(("sqlite_", "enhancelog_search") if connection.vendor == "sqlite" else ("sqlite_",)):
                continue
            for column in connection.introspection.get_table_description(cursor, table):
                name = connection.ops.quote_name(column.name)
                quoted = connection.ops.quote_name(table)
                cursor.execute(f"SELECT COUNT(*) FROM {quoted} WHERE CAST({name} AS TEXT) LIKE %s", [f"%{text}%"])
                if cursor.fetchone()[0]:
                    found.append(f"{table}.{column.name}")
    return found
