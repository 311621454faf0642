"""Wakes the background worker."""

import threading
from typing import Final

# Set after a commit of this process leaves something to derive, and by who waits for it.
work_waits: Final = threading.Event()
