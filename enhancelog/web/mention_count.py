"""How many notes mention the reader that they have not seen, beside the user's menu: one statement for each page."""

from typing import Any, Final

from django.http import HttpRequest

from enhancelog.domain.errors import StoreError
from enhancelog.queries import mentions

_KEPT: Final = "_unseen_mentions"


def unseen(request: HttpRequest) -> int:
    """Asked once for each request, and never for anonymous readers."""
    user = getattr(request, "user", None)  # absent if the request was refused before it was read
    if user is None or not user.is_authenticated:
        return 0
    if not hasattr(request, _KEPT):
        try:
            setattr(request, _KEPT, mentions.unseen(user))
        except StoreError:  # the page says what is wrong, or needs no database
            setattr(request, _KEPT, 0)
    return int(getattr(request, _KEPT))


def in_templates(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    return {"unseen_mentions": lambda: unseen(request), "most_mentions_counted": mentions.MOST_COUNTED}
