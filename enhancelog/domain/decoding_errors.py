import re
from collections.abc import Mapping, Sequence

import msgspec

from enhancelog.domain.errors import Invalid

_INDEX = re.compile(r"\[\d+\]")
_MISSING = re.compile("missing required field `([^`]+)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


def named(error: msgspec.ValidationError, choices: Mapping[str, Sequence[str]], below: str = "") -> Invalid:
    """``below``: the field that was decoded. ``choices``: field, without indexes, to its values."""
    text = str(error)
    found = _PLACE.search(text)
    place = found[1] if found else ""
    # An Invalid raised inside a record keeps its rule and text.
    cause = error.__cause__
    if isinstance(cause, Invalid):
        return Invalid(_path(below, place, cause.field), cause.rule, cause.detail)
    text = _PLACE.sub("", text)
    if missing := _MISSING.search(text):
        return Invalid(_path(below, place, missing[1]), "missing", "is missing")
    field = _path(below, place)
    possible = choices.get(_INDEX.sub("", field))
    if possible and text.startswith("Invalid enum value"):
        return Invalid(field, "choice", f"must be one of {', '.join(possible)}, not {text[19:80]}")
    rule = "type" if text.startswith("Expected `") and "got" in text else "value"
    return Invalid(field, rule, text[0].lower() + text[1:].replace("`", '"'))


def _path(*parts: str) -> str:
    joined = ".".join(part for part in parts if part)
    return joined.replace(".[", "[")
