"""Content for the demo: work items of some entries of the demo log and some of their own, every kind among them.

``demo.json`` is a list of changes, oldest first, so that histories have something to show; a value of ``null`` removes.
"""

import json
from pathlib import Path
from typing import Final

from django.db import transaction

from content.models import ContentRevision
from content.store import open_store
from enhancelog.domain.origin import Origin

CHANGES: Final = Path(__file__).resolve().parent / "demo.json"


def load() -> bool:
    """Load the demo content, whole, into a store that never held anything; whether it did."""
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
