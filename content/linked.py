"""Which entries of the log belong to which work item by a person's word, beside those that share its id."""

from content.kinds import check_story_id
from content.models import ContentLink
from content.store.database import faults
from enhancelog.records import check_id, is_id
from enhancelog.times import now_ms


def link(issue_id: str, story_id: str, who: str) -> None:
    """Say that the entry belongs to the work item; saying it twice changes nothing. Raises ``Invalid``."""
    check_id(issue_id, "issue_id")
    check_story_id(story_id)
    with faults():
        ContentLink.objects.bulk_create(
            [ContentLink(issue_id=issue_id, story_id=story_id, linked_ms=now_ms(), linked_by=who)],
            ignore_conflicts=True,
        )


def unlink(issue_id: str, story_id: str) -> None:
    """Take it back; nothing happens when nobody said it."""
    with faults():
        ContentLink.objects.filter(issue_id=issue_id, story_id=story_id).delete()


def links_of_entry(issue_id: str) -> list[ContentLink]:
    """The work items that a person linked to this entry."""
    if not is_id(issue_id):
        return []
    with faults():
        return list(ContentLink.objects.filter(issue_id=issue_id).order_by("story_id"))


def entries_of_story(story_id: str, limit: int) -> list[str]:
    """Ids of the entries that a person linked to this work item."""
    with faults():
        linked = ContentLink.objects.filter(story_id=story_id).order_by("issue_id")
        return list(linked.values_list("issue_id", flat=True)[:limit])
