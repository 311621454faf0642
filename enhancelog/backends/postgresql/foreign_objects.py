"""What acts on the tables or stands in for one, and is none of ours."""

from typing import Final

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import MOST_FOREIGN
from enhancelog.backends.postgresql import triggers

# In the schemas where the names of tables are looked up. What extensions bring is their own.
_FOUND: Final = """
    WITH relation AS (
        SELECT oid, relname, relkind FROM pg_class
        WHERE relnamespace IN (SELECT to_regnamespace(quote_ident(name)) FROM unnest(current_schemas(false)) name)
            AND NOT EXISTS (
                SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
    )
    SELECT format('trigger %%s on %%s', tgname, relname) FROM pg_trigger JOIN relation ON relation.oid = tgrelid
    WHERE NOT tgisinternal AND (relname, tgname) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))
    UNION ALL SELECT format('rule %%s on %%s', rulename, relname) FROM pg_rewrite
        JOIN relation ON relation.oid = ev_class WHERE rulename <> '_RETURN'
    UNION ALL SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'foreign table ' END
        || relname FROM relation WHERE relkind IN ('v', 'm', 'f')
    ORDER BY 1 LIMIT %s"""


def look(cursor: CursorWrapper) -> list[str]:
    ours = triggers.registered()
    cursor.execute(_FOUND, [[each.table for each in ours], [each.name for each in ours], MOST_FOREIGN])
    return [name for (name,) in cursor.fetchall()]
