"""What acts on the tables or stands in for one, and is none of ours."""

import json
from typing import Final

from django.db.backends.utils import CursorWrapper

from enhancelog.backends import MOST_FOREIGN
from enhancelog.backends.sqlite import triggers
from enhancelog.backends.sqlite.search_index import SqliteSearch

_FOUND: Final = """
    SELECT CASE type WHEN 'trigger' THEN 'trigger ' || name || ' on ' || tbl_name
        WHEN 'view' THEN 'view ' || name ELSE 'virtual table ' || name END
    FROM sqlite_master
    WHERE type = 'view' OR (type = 'trigger' AND name NOT IN (SELECT value FROM json_each(%s)))
        OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL%%' AND sql NOT IN (SELECT value FROM json_each(%s)))
    ORDER BY 1 LIMIT %s"""


def look(cursor: CursorWrapper) -> list[str]:
    ours = json.dumps(list(triggers.registered())), json.dumps(SqliteSearch.tables)
    cursor.execute(_FOUND, [*ours, MOST_FOREIGN])
    return [name for (name,) in cursor.fetchall()]
