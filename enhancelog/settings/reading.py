"""Environment variables as values. All raise ``ImproperlyConfigured`` with the variable's name."""

import os
import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from enhancelog.domain.installation import CHOSEN_BY_SERVE, Setting

# Every setting that was asked for, with the value as given. Some of them are secret.
asked: Final[dict[str, Setting]] = {}

_DURATION: Final = re.compile("([0-9]{1,4})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HOST: Final = re.compile("[a-z0-9._:-]+")  # no spaces or wildcards


def text(name: str, default: str = "") -> str:
    """The setting, or the content of the file that NAME_FILE names, stripped; empty if unset.

    ``default``: what the operator is told that it then is.
    """
    path = os.environ.get(f"{name}_FILE")
    if name in os.environ or not path:
        value = os.environ.get(name, "").strip()
        origin = "serve" if name in os.environ.get(CHOSEN_BY_SERVE, "").split() else "environment"
    else:
        value, origin = _content(name, path), "file"
    asked[name] = Setting(name, value or default, origin if value else "default")
    return value


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not text"
        raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {reason}") from None


def boolean(name: str, default: bool = False) -> bool:
    value = text(name, str(default).lower()).lower()
    if value in ("", "1", "true", "yes", "on"):
        return default if value == "" else True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f'{name}: must be true or false, not "{value}"')


def positive(name: str, default: int) -> int:
    value = text(name, str(default)).replace("_", "") or str(default)
    if value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    raise ImproperlyConfigured(f'{name}: must be a whole number above 0, not "{value}"')


def rate(name: str, default: str) -> tuple[int, int] | None:
    """(requests, seconds) for ``6000/min``; ``None`` for ``off``."""
    value = text(name, default).lower() or default
    number, _, unit = value.partition("/")
    seconds = {"s": 1, "min": 60, "h": 3600}.get(unit)
    if value == "off":
        return None
    if seconds and number.isascii() and number.isdigit() and 0 < int(number[:10]) < 10**9:
        return int(number), seconds
    raise ImproperlyConfigured(f'{name}: must be like 6000/min, 100/s, 1000/h or off, not "{value}"')


def duration(name: str, default: str, between: tuple[str, str]) -> timedelta:
    """``12h`` or ``14d``, within limits of the same form."""
    value = text(name, default).lower() or default
    lowest, highest = (_duration(limit) for limit in between)
    found = _duration(value)
    if found is None or not lowest <= found <= highest:  # type: ignore[operator]
        raise ImproperlyConfigured(
            f'{name}: must be like 12h or 14d, between {between[0]} and {between[1]}, not "{value}"'
        )
    return found


def interval(name: str, default: str, between: tuple[str, str]) -> timedelta | None:
    """As ``duration``; ``None`` for ``0``, which is never."""
    return None if text(name, default) == "0" else duration(name, default, between)


def _duration(value: str) -> timedelta | None:
    found = _DURATION.fullmatch(value)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(part.strip(), strict=False) for part in text(name).split(",") if part.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


def hosts(name: str) -> frozenset[tuple[str, int | None]]:
    # Names or IP addresses, each with a port or ``None``.
    return frozenset(_host(name, part.strip()) for part in text(name).split(",") if part.strip())


def _host(name: str, value: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{value}")
        is_whole = parts.netloc == value and "@" not in value and not value.endswith(":")
        if parts.hostname and is_whole and parts.port != 0:
            host = parts.hostname.encode("idna").decode().rstrip(".")
            if _HOST.fullmatch(host):
                return host, parts.port
    except ValueError:  # also of a name that IDNA cannot express
        pass
    raise ImproperlyConfigured(f'{name}: must be like hooks.example.org, 10.0.0.7:8080 or [fd00::7]:443, not "{value}"')
