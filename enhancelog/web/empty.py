"""Pages of an empty log say how to fill it."""

from typing import Any

from django.conf import settings

from enhancelog.domain.times import now_ms


def how_to_fill() -> dict[str, Any]:
    """The context of the example in ``macros/empty.jinja``: the server's address and the time in seconds."""
    return {"public_url": settings.PUBLIC_URL, "now_s": now_ms() // 1000}
