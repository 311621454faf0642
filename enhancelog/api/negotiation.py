from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest
from django.http.request import MediaType
from rest_framework.negotiation import BaseContentNegotiation

from enhancelog.domain.errors import Invalid
from enhancelog.transfer.formats import EXPORTS, FORMATS

LIST_TYPES: Final = {name: one.content_type for name, one in FORMATS.items()}  # of lists of entries
MEDIA_TYPES: Final = {name: LIST_TYPES[name] for name in EXPORTS}


class AnyAccept(BaseContentNegotiation):
    """Accepts any ``Accept``: DRF refuses values that existing clients send."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return None  # nothing is parsed before a view has looked at it

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def answer_format(request: HttpRequest, offered: Mapping[str, str] = MEDIA_TYPES) -> str:
    """A key of ``offered``: from ``?format=``, else ``Accept``, else ``json``. Raises ``Invalid`` for an unknown
    ``format``."""
    asked = request.GET.get("format")
    if asked is not None:
        if asked not in offered:
            raise Invalid("format", "choice", f'must be one of {", ".join(offered)}, not "{asked[:40]}"')
        return asked
    accept = request.headers.get("Accept", "")
    for part in sorted(accept.split(","), key=_quality, reverse=True):
        wanted = MediaType(part.partition(";")[0].strip())
        for name, media_type in offered.items():
            if _quality(part) > 0 and str(wanted) == media_type.partition(";")[0]:
                return name
    return "json"


def _quality(part: str) -> float:
    try:
        return float(MediaType(part.strip()).params.get("q", "1"))
    except ValueError:
        return 0.0
