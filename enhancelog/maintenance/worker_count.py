"""How many workers ``serve`` runs."""

import os
from typing import Final

from django.conf import settings

MOST_USUAL: Final = 2


def workers() -> int:
    return settings.WORKERS if settings.WORKERS_GIVEN else usual_workers()


def usual_workers() -> int:
    """Two, or one on a single CPU or for development."""
    if settings.RELOAD:
        return 1
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_USUAL, cpus)
