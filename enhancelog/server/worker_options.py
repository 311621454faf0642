"""What the supervisor tells a worker, and what a worker reports."""

from typing import Final, NamedTuple

READY: Final = "ready"


class Options(NamedTuple):
    """``number`` counts from 1; ``application`` is a module with a WSGI ``application``."""

    host: str
    port: int
    number: int
    application: str = "enhancelog.wsgi"
