"""What our server and the application share about a request, in the WSGI environ. Without it, long polls answer at
once."""

import time
from dataclasses import dataclass, field
from typing import IO, Final

from django.http import HttpRequest

from enhancelog.api.allowances import Balance
from enhancelog.api.concurrency_limits import Slot

KEY: Final = "enhancelog.exchange"


@dataclass(frozen=True)
class Refusal:
    """``retry_after_s`` is ``None`` if a retry cannot succeed."""

    status: int
    detail: str
    retry_after_s: int | None = None


@dataclass
class Poll:
    """The request runs again when the log has passed position ``beyond``, or at ``deadline``."""

    beyond: int
    deadline: float  # on the clock of ``time.monotonic``.
    slot: Slot
    is_waiting: bool = True


@dataclass
class Exchange:
    started: float = field(default_factory=time.perf_counter)
    request_id: str = ""  # given by the first run
    refusal: Refusal | None = None
    # The whole body in a file, at its start, when it was too large to be kept in memory
    body: IO[bytes] | None = None
    # Set by the application before it reads the body; no more than this is received
    max_body_bytes: int | None = None
    poll: Poll | None = None
    # By allowance: what the caller has left
    balances: dict[str, Balance] = field(default_factory=dict)

    @property
    def is_polling(self) -> bool:
        return self.poll is not None and self.poll.is_waiting


def exchange_of(request: HttpRequest) -> Exchange | None:
    found = request.META.get(KEY)
    return found if isinstance(found, Exchange) else None
