"""Entries that a verifier denied in its own words."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS
from enhancelog.store import theme_counting
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.factories import make_rejected
from tests.strategies import NOW_MS
from tests.themes import policies
from tests.themes.paraphrases import denials

DETAILS = [each.detail for each in denials(policies.REASONS)]


DAYS = 10


def denied(details: Iterable[str], axis: str = "critic", prefix: str = "", **changes: Any) -> list[Entry]:
    """One run each, over as many days up to now."""
    said = list(details)
    found = []
    for at, detail in enumerate(said):
        given: dict[str, Any] = {
            "issue_id": f"{prefix or axis[:20]} {at}",
            "ts_ms": NOW_MS - DAY_MS * DAYS * (len(said) - 1 - at) // len(said),
        }
        found.append(make_rejected(axis, detail=detail, **given | changes))
    return found


@contextmanager
def prose_from_the_second_denial() -> Iterator[None]:
    """Whatever an axis says, if that is derived meanwhile."""
    with mock.patch.multiple(theme_counting, FIRST_ASKED=1, is_prose=mock.Mock(return_value=True)):
        yield


def append(*entries: Entry) -> None:
    """Without deriving what follows."""
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append_batch(entries)
