"""How pages say that an entry was redacted."""

from datetime import UTC, datetime

from enhancelog.domain.badges import Badge
from enhancelog.queries.entries import Listed

NAME = "redacted"


def badges(listed: Listed) -> list[Badge]:
    """One for all redactions; none if there was none."""
    said = [
        f"{', '.join(one.fields)} on {datetime.fromtimestamp(one.redacted_ms / 1000, UTC):%Y-%m-%d}: {one.why}"
        for one in listed.redactions
    ]
    return [Badge(NAME, f"Texts were taken out of this entry. {'; '.join(said)}")] if said else []
