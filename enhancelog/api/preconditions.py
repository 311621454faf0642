"""``If-Match`` and ``If-None-Match`` as a condition on a current version, 0 if absent."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.http import parse_etags

from enhancelog.domain.errors import Invalid

Expected = Callable[[int], bool]


def etag(version: int) -> str:
    return f'"{version}"'


def expected(request: HttpRequest) -> Expected | None:
    """``None`` without such headers. Raises ``Invalid`` for a header without a tag."""
    wanted, unwanted = if_match(request), _tags(request, "If-None-Match")
    if wanted is None and unwanted is None:
        return None

    def holds(current: int) -> bool:
        tag = etag(current) if current else None
        if wanted is not None and not _lists(wanted, tag):
            return False
        return unwanted is None or not _lists([item.removeprefix("W/") for item in unwanted], tag)

    return holds


def if_match(request: HttpRequest) -> list[str] | None:
    """Its tags. Raises ``Invalid`` as above."""
    return _tags(request, "If-Match")


def _lists(tags: list[str], tag: str | None) -> bool:
    return tag is not None and ("*" in tags or tag in tags)


def _tags(request: HttpRequest, header: str) -> list[str] | None:
    # Not request.headers, which was read before the compression middleware made a weak If-Match strong.
    value = request.META.get(f"HTTP_{header.upper().replace('-', '_')}")
    if value is None:
        return None
    tags = parse_etags(value)
    if not tags:
        raise Invalid(header, "etag", 'must be * or a list of entity tags, as in "3"')
    return tags
