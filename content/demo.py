"""Content for the demo. ``demo.json`` lists changes, oldest first; a ``null`` value removes the key."""

import json
from pathlib import Path
from typing import Final

from django.db import transaction

from content.models import ContentRevision
from content.store import open_store
from enhancelog.domain.origin import Origin

CHANGES: Final = Path(__file__).resolve().parent / "demo.json"


def load() -> bool:
    """Does nothing if the store has ever held anything; returns whether it loaded."""
    with transaction.atomic():
        if ContentRevision.objects.exists():
            return False
        for change in json.loads(CHANGES.read_text(encoding="utf-8")):
            actor_kind, actor_name = change["actor"]
            store = open_store(Origin(actor_kind, actor_name, "demo"))
            if change["value"] is None:
                store.delete(change["story_id"], change["kind"])
            else:
                store.write(change["story_id"], change["kind"], change["value"])
    return True
