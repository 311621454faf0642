"""Numbers of releases in order: ``0.2.0.dev0`` comes before ``0.2.0rc1``, and that before ``0.2.0``."""

import re
from typing import Final

Order = tuple[int, int, int, int, int]

_RELEASE: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:(?:\.(dev)|(rc))(\d{1,9}))?", re.ASCII)
_DEV, _CANDIDATE, _FINAL = range(3)


def order(release: str) -> Order:
    """Raises ``ValueError``."""
    found = _RELEASE.fullmatch(release)
    if found is None:
        raise ValueError(f'must be a release such as 0.2.0, not "{release[:40]}"')
    major, minor, patch, dev, candidate, number = found.groups()
    stage = _DEV if dev else _CANDIDATE if candidate else _FINAL
    return int(major), int(minor), int(patch), stage, int(number or 0)
