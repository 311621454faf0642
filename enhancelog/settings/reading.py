"""Environment variables as values. All raise ``ImproperlyConfigured`` with the variable's name."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str) -> str:
    """The setting, or the content of the file that NAME_FILE names, stripped; empty if unset."""
    path = os.environ.get(f"{name}_FILE")
    if name in os.environ or not path:
        return os.environ.get(name, "").strip()
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not text"
        raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {reason}") from None


def boolean(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if value in ("", "1", "true", "yes", "on"):
        return default if value == "" else True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f'{name}: must be true or false, not "{value}"')


def positive(name: str, default: int) -> int:
    value = text(name).replace("_", "") or str(default)
    if value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    raise ImproperlyConfigured(f'{name}: must be a whole number above 0, not "{value}"')


def rate(name: str, default: str) -> tuple[int, int] | None:
    """(requests, seconds) for ``6000/min``; ``None`` for ``off``."""
    value = text(name).lower() or default
    number, _, unit = value.partition("/")
    seconds = {"s": 1, "min": 60, "h": 3600}.get(unit)
    if value == "off":
        return None
    if seconds and number.isascii() and number.isdigit() and 0 < int(number[:10]) < 10**9:
        return int(number), seconds
    raise ImproperlyConfigured(f'{name}: must be like 6000/min, 100/s, 1000/h or off, not "{value}"')


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(part.strip(), strict=False) for part in text(name).split(",") if part.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None
