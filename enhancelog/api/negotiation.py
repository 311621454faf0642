import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.http import HttpRequest
from rest_framework.negotiation import BaseContentNegotiation

from enhancelog.domain.errors import Invalid
from enhancelog.transfer.formats import EXPORTS, FORMATS

LIST_TYPES: Final = {name: one.content_type for name, one in FORMATS.items()}  # of lists of entries
MEDIA_TYPES: Final = {name: LIST_TYPES[name] for name in EXPORTS}
PROMPT_TYPES: Final = {"json": LIST_TYPES["json"], "text": "text/plain; charset=utf-8"}  # of answers for prompts

_WEIGHT: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class AnyAccept(BaseContentNegotiation):
    """Accepts any ``Accept``: DRF refuses values that existing clients send."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return None  # nothing is parsed before a view has looked at it

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def answer_format(request: HttpRequest, offered: Mapping[str, str] = MEDIA_TYPES) -> str:
    """From ``?format=``, else the best match of ``Accept``, else ``json``. Raises ``Invalid`` for an unknown
    ``format``."""
    asked = request.GET.get("format")
    if asked is not None:
        if asked not in offered:
            raise Invalid("format", "choice", f'must be one of {", ".join(offered)}, not "{asked[:40]}"')
        return asked
    ranges = _ranges(request.headers.get("Accept", ""))
    matches = {name: _match(media_type.partition(";")[0], ranges) for name, media_type in offered.items()}
    best = max(matches, key=lambda name: matches[name])  # the first of those that match equally well
    return best if matches[best].weight > 0 else "json"


class _Range(NamedTuple):
    pattern: str
    weight: float  # from 0 (not acceptable) to 1
    place: int  # counts down from 0 in the header


class _Match(NamedTuple):
    # Compares by weight, then by how specific the range is (0 to 2), then by its place.
    weight: float
    specificity: int
    place: int


def _ranges(header: str) -> list[_Range]:
    found = []
    for place, part in enumerate(header.split(",")):
        pattern, *parameters = (text.strip().lower() for text in part.split(";"))
        weights = [text[2:] for text in parameters if text.startswith("q=")] or ["1"]
        if _WEIGHT.fullmatch(weights[0]):
            found.append(_Range(pattern, float(weights[0]), -place))
    return found


def _match(media_type: str, ranges: Iterable[_Range]) -> _Match:
    # The most specific range decides, even if another one has a greater weight.
    patterns = ("*/*", f"{media_type.partition('/')[0]}/*", media_type)
    found = [(patterns.index(one.pattern), one.place, one.weight) for one in ranges if one.pattern in patterns]
    if not found:
        return _Match(0, 0, 0)
    specificity, place, weight = max(found)
    return _Match(weight, specificity, place)
