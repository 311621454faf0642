"""What a rebuild should make: every table of the projections emptied, and every entry applied again, all at once."""

from django.db import connection

from enhancelog import projections
from enhancelog.projections import search_index
from enhancelog.projections.patterns import axes, rules
from enhancelog.store import host_derivation, pattern_groups, source_derivation
from enhancelog.store.database import stored_batches


def rebuild_at_once() -> None:
    """In the caller's transaction."""
    source_derivation.settle()
    with connection.cursor() as cursor:
        for table in projections.tables():
            cursor.execute(f"DELETE FROM {table._meta.db_table}")
        axes.forget_all(cursor)
        rules.serve(cursor)
        search_index.clear(cursor)
        for batch in stored_batches():
            projections.apply(cursor, batch)
    pattern_groups.settle()
    host_derivation.settle()
