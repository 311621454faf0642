"""The parameter ``expected``: expected patterns are left out of rankings unless it says ``shown``."""

from typing import Final

from django.http import HttpRequest

from enhancelog.domain.errors import Invalid

SHOWN: Final = "shown"


def shows_expected(request: HttpRequest) -> bool:
    """Raises ``Invalid`` (expected)."""
    value = request.GET.get("expected", "")
    if value not in ("", SHOWN):
        raise Invalid("expected", "choice", f'must be {SHOWN} or left out, not "{value[:40]}"')
    return bool(value)
