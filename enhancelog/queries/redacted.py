"""Who redacted an entry, and how often anything was redacted."""

from typing import Final

from enhancelog.domain.origin import Origin
from enhancelog.models import Redaction
from enhancelog.queries.entries import Listed
from enhancelog.queries.prepared import Statement, run

_COUNT: Final = f"SELECT COUNT(*) FROM {Redaction._meta.db_table}"


def actors(listed: Listed) -> list[Origin]:
    """Of each redaction of the entry, the first one first."""
    if listed.redacted is None:
        return []
    rows = Redaction.objects.filter(position=listed.position).order_by("number")
    return [Origin(*row) for row in rows.values_list(*Origin._fields)]


def number() -> int:
    """Of all redactions: it changes what has been read before."""
    return int(run(Statement(_COUNT, ()))[0][0])
