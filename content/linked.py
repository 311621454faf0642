"""Links that people add between entries and work items. Those that share an id belong together without one."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Case, Count, Value, When, Window

from content.kinds import check_story_id, is_story_id
from content.models import ContentLink
from enhancelog.backends import dialect, faults
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import check_id, is_id
from enhancelog.domain.times import now_ms
from enhancelog.store import audit

_VERSION_BESIDE: Final = """
    SELECT (SELECT COALESCE(MAX(id), 0) FROM content_contentlink WHERE issue_id = %s),
           (SELECT COUNT(*) FROM content_contentlink WHERE issue_id = %s),
           (SELECT COALESCE(SUM(version), 0) FROM content_contentitem WHERE story_id = %s OR story_id IN (
                SELECT story_id FROM content_contentlink WHERE issue_id = %s))"""


class Linked(NamedTuple):
    ids: list[str]
    total: int  # may be more than there are ids


def link(issue_id: str, story_id: str, who: str) -> None:
    """Idempotent. Raises ``Invalid``."""
    check_id(issue_id, "issue_id")
    check_story_id(story_id)
    values = {"linked_ms": now_ms(), "linked_by": who}
    with faults(), dialect().appending():
        _, is_new = ContentLink.objects.get_or_create(issue_id=issue_id, story_id=story_id, defaults=values)
        if is_new:
            audit.record("entry.link", Origin("user", who, "page"), "entry", issue_id, work_item=story_id)


def unlink(issue_id: str, story_id: str, who: str) -> None:
    """Idempotent."""
    if not (is_id(issue_id) and is_story_id(story_id)):
        return
    with faults(), dialect().appending():
        number, _ = ContentLink.objects.filter(issue_id=issue_id, story_id=story_id).delete()
        if number:
            audit.record("entry.unlink", Origin("user", who, "page"), "entry", issue_id, work_item=story_id)


def stories_of_entry(issue_id: str, limit: int) -> Linked:
    if not is_id(issue_id):
        return Linked([], 0)
    # It stays in view if others are cut off.
    own_first = Case(When(story_id=issue_id, then=Value(0)), default=Value(1))
    with faults():
        found = ContentLink.objects.filter(issue_id=issue_id).annotate(total=Window(Count("id")))
        return _linked(found.order_by(own_first, "story_id").values_list("story_id", "total")[:limit])


def version_beside(issue_id: str) -> tuple[int, ...]:
    """Changes with each change of the entry's links or stories."""
    if not is_id(issue_id):
        return ()
    with faults(), connection.cursor() as cursor:
        cursor.execute(_VERSION_BESIDE, [issue_id] * 4)
        return tuple(map(int, cursor.fetchone()))


def entries_of_story(story_id: str, limit: int) -> Linked:
    with faults():
        found = ContentLink.objects.filter(story_id=story_id).annotate(total=Window(Count("id")))
        return _linked(found.order_by("issue_id").values_list("issue_id", "total")[:limit])


def _linked(rows: Iterable[tuple[str, int]]) -> Linked:
    found = list(rows)
    return Linked([row[0] for row in found], found[0][1] if found else 0)
