"""Entries of which a text contains another, ASCII case-insensitively."""

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from enhancelog.backends import dialect
from enhancelog.domain import records


def containing(text: str) -> RawSQL:
    # Verdicts and reasons are decoded only where their JSON has the text, as our encoder writes it. To decode them all
    # took most of the time of a search.
    written = records.encode_part(text)[1:-1]
    parameters = (text, text, written, text, written, text)
    return RawSQL(dialect().text_search_sql, parameters, output_field=BooleanField())
