"""The envelope of a content revision (see ``enhancelog.domain.envelopes``) is a digest of this array:

    ["revision", story_id, kind, version, value, updated_ms, actor_kind, actor_name, source]

``value`` is ``null`` in a tombstone.
"""

from content.store import Item
from enhancelog.domain.envelopes import envelope


def of_revision(item: Item) -> str:
    return envelope("revision", item.story_id, item.kind, item.version, item.value, item.updated_ms, *item.origin)
