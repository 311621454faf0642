"""Takes the value out of a revision."""

from content.kinds import Key, check_story_id, kind_named, raw_key
from content.models import ContentItem, ContentRedaction, ContentRevision
from content.store.database import COLUMNS, to_item
from content.store.envelopes import of_redaction, of_revision
from enhancelog.backends import dialect, faults, schema
from enhancelog.domain import redactions
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.redactions import Tombstone
from enhancelog.domain.times import now_ms
from enhancelog.store import audit

TABLES = (ContentItem, ContentRevision, ContentRedaction)


def look(key: Key, version: int) -> ContentRevision:
    """Raises ``Invalid``: there is no such version, or it has no value."""
    check_story_id(key.story_id)
    of_key = ContentRevision.objects.filter(story_id=key.story_id, kind=kind_named(key.kind).name)
    with faults():
        revision = of_key.filter(version=version).first()
        last = of_key.order_by("-version").values_list("version", flat=True).first()
    if revision is None:
        said = f"its versions are 1 to {last}" if last else "it was never set"
        raise Invalid("version", "unknown", f"{version} of {key.kind} of {key.story_id} does not exist; {said}")
    if revision.redacted is None and revision.value is None:
        raise Invalid("version", "empty", f"{version} has no value, because the value was removed")
    return revision


def same_elsewhere(revision: ContentRevision) -> list[str]:
    """Other versions, of any key, with the same value."""
    if not revision.value:
        return []
    rows = ContentRevision.objects.filter(value=revision.value).exclude(pk=revision.pk).order_by("id")
    with faults():
        return [str(row) for row in rows[:20]]


def redact(key: Key, version: int, why: str, origin: Origin) -> None:
    """If it is the key's current version, the key has no value then. Raises ``Invalid`` or ``Other``."""
    why = redactions.checked_why(why)
    with faults(), dialect().erasing(), dialect().appending():
        schema.require_own()
        list(ContentItem.objects.select_for_update().filter(story_id=key.story_id, kind=key.kind))
        revision = look(key, version)
        if revision.redacted is not None:
            raise Invalid("version", "redacted", f"{version} is redacted already")
        redactions.check_repeats(why, [revision.value or ""])
        _record(revision, why, origin)
        ContentItem.objects.filter(story_id=key.story_id, kind=key.kind, version=version).update(value=None)
        audit.record("content.redact", origin, "content", raw_key(key), version=version, why=why)


def _record(revision: ContentRevision, why: str, origin: Origin) -> None:
    recorded_ms = now_ms()
    tombstones = redactions.with_tombstone(None, Tombstone(["value"], recorded_ms, why))
    left = to_item([getattr(revision, name) for name in COLUMNS])._replace(value=None)
    redaction = ContentRedaction(
        story_id=revision.story_id,
        kind=revision.kind,
        version=revision.version,
        number=1,
        recorded_ms=recorded_ms,
        **origin._asdict(),
        tombstones=tombstones,
        digest=of_revision(left),
        envelope=of_redaction(left, recorded_ms, origin, tombstones),
    )
    ContentRedaction.objects.bulk_create([redaction])  # its trigger takes the value out of the revision


def tables() -> list[str]:
    return [table._meta.db_table for table in TABLES]
