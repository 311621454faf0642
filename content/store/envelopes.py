"""The envelope of a content revision (see ``enhancelog.domain.envelopes``) is a digest of this array:

    ["revision", story_id, kind, version, value, updated_ms, actor_kind, actor_name, source]

``value`` is ``null`` in a tombstone. The envelope of a redaction is a digest of this array, with the envelope that
the revision would have without a value:

    ["content redaction", story_id, kind, version, recorded_ms, actor_kind, actor_name, source, tombstones, digest]
"""

from content.store import Item
from enhancelog.domain.envelopes import envelope
from enhancelog.domain.origin import Origin


def of_revision(item: Item) -> str:
    return envelope("revision", item.story_id, item.kind, item.version, item.value, item.updated_ms, *item.origin)


def of_redaction(left: Item, recorded_ms: int, origin: Origin, tombstones: str) -> str:
    """``left``: the revision without its value."""
    key = left.story_id, left.kind, left.version
    return envelope("content redaction", *key, recorded_ms, *origin, tombstones, of_revision(left))
