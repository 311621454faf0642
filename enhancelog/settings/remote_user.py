"""The header in which a trusted proxy names the user, from ``ENHANCELOG_REMOTE_USER_HEADER``."""

import re
from typing import Final

from django.core.exceptions import ImproperlyConfigured

NAME: Final = "ENHANCELOG_REMOTE_USER_HEADER"
_HEADER: Final = re.compile("[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
# Of a forwarded request, or with a meaning of their own.
_TAKEN: Final = re.compile(
    "(accept|access|authorization|connection|content|cookie|expect|forwarded|host|hx|if|origin|referer|sec|user-agent"
    "|transfer|x-csrftoken|x-forwarded-(for|proto|host|port)|x-request-id)(-.*)?"
)


def meta_key(header: str, has_proxies: bool) -> str:
    """Its name in ``request.META``; empty if unset. Raises ``ImproperlyConfigured``."""
    if not header:
        return ""
    if "_" in header:  # proxies and servers drop such headers, because they read them as those with a hyphen
        raise ImproperlyConfigured(f'{NAME}: write it with hyphens, as in Remote-User, not "{header[:60]}"')
    if not _HEADER.fullmatch(header) or _TAKEN.fullmatch(header.lower()):
        raise ImproperlyConfigured(f'{NAME}: must be a header like Remote-User, not "{header[:60]}"')
    if not has_proxies:
        raise ImproperlyConfigured(
            f"{NAME}: needs ENHANCELOG_TRUSTED_PROXIES, the addresses of the proxies that may send it"
        )
    return "HTTP_" + header.upper().replace("-", "_")
