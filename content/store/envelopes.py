"""The envelope of a content revision. Its array, in the form that ``enhancelog.domain.envelopes`` defines:

    ["revision", story_id, kind, version, value, updated_ms, actor_kind, actor_name, source]

``value`` is ``null`` where the key was deleted or taken.
"""

from content.store import Item
from enhancelog.domain.envelopes import envelope


def of_revision(item: Item) -> str:
    """The envelope of the revision that left the key in this state."""
    return envelope("revision", item.story_id, item.kind, item.version, item.value, item.updated_ms, *item.origin)
