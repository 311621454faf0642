"""Wakes the background workers."""

import threading
from typing import Final

# Set after a commit of this process leaves something to derive, and by who waits for it.
work_waits: Final = threading.Event()
# Set after an append of this process, and when a message was sent: there may be something to tell.
alerts_wait: Final = threading.Event()
# Set after an append of this process: the evidence lacks entries.
evidence_waits: Final = threading.Event()
