"""Negotiation of content codings (RFC 9110, 12.5.3)."""

import re
from functools import lru_cache
from typing import Final, Literal

Coding = Literal["zstd", "gzip"]

_PREFERENCE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]++)(?:[ \t]*+;[ \t]*+q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")


MAX_HEADER: Final = 1000  # longer headers are ignored, because the parsed ones are cached


def preferred(accept_encoding: str) -> Coding | None:
    """``None``: identity, also if the header is malformed."""
    return _preferred(accept_encoding) if len(accept_encoding) <= MAX_HEADER else None


@lru_cache(maxsize=256)
def _preferred(accept_encoding: str) -> Coding | None:
    weights = _weights(accept_encoding.lower())
    others = weights.get("*", 0.0)
    for_zstd = weights.get("zstd", 0.0)  # must be named: not every client that sends "*" can read it
    for_gzip = weights.get("gzip", others)
    best = max(for_zstd, for_gzip)
    if best == 0 or best < weights.get("identity", others):
        return None
    return "zstd" if for_zstd == best else "gzip"


def _weights(header: str) -> dict[str, float]:
    """Empty if the header is malformed."""
    weights: dict[str, float] = {}
    for item in header.split(","):
        if not item.strip(" \t"):
            continue
        preference = _PREFERENCE.fullmatch(item.strip(" \t"))
        if preference is None:
            return {}
        name, weight = preference[1], float(preference[2] or 1)
        weights[name] = min(weight, weights.get(name, weight))
    return weights
