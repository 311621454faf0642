"""What the application and the server in front of it tell each other about one request, in the WSGI environ.

Under another server, and in tests without one, there is no exchange: bodies are read as they come, and a long poll
answers at once.
"""

import time
from dataclasses import dataclass, field
from typing import IO, Final

from django.http import HttpRequest

from enhancelog.api.slots import Slot

KEY: Final = "enhancelog.exchange"


@dataclass(frozen=True)
class Refusal:
    """Why the server refuses a request before the application has looked at it: an HTTP status and a sentence.

    ``retry_after_s``: when the same request may succeed; ``None`` where it cannot.
    """

    status: int
    detail: str
    retry_after_s: int | None = None


@dataclass
class Poll:
    """A long poll: the request runs again when the log has grown past ``beyond``, or at ``deadline``."""

    beyond: int
    deadline: float  # on the clock of ``time.monotonic``.
    slot: Slot
    is_waiting: bool = True


@dataclass
class Exchange:
    """One request, however often the application runs for it."""

    started: float = field(default_factory=time.perf_counter)
    request_id: str = ""  # given by the first run
    refusal: Refusal | None = None
    # The whole body in a file, at its start, when it was too large to be kept in memory
    body: IO[bytes] | None = None
    # Set by the application before it reads; no more than this is received
    max_body_bytes: int | None = None
    poll: Poll | None = None
    # The allowances of its caller that the request was counted against
    counted_as: set[str] = field(default_factory=set)

    @property
    def is_polling(self) -> bool:
        """Whether this response is held back, to be replaced by a later one."""
        return self.poll is not None and self.poll.is_waiting


def exchange_of(request: HttpRequest) -> Exchange | None:
    """The exchange that ``request`` belongs to, when our own server passed it on."""
    found = request.META.get(KEY)
    return found if isinstance(found, Exchange) else None
