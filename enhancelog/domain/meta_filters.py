"""The parameters ``meta.KEY`` and ``not_meta.KEY``."""

from collections.abc import Iterable
from typing import Final

from enhancelog.domain import meta
from enhancelog.domain.errors import Invalid

PREFIX: Final = "meta."
_NOT: Final = "not_"


# Whatever the key.
def is_meta(name: str) -> bool:
    return name.removeprefix(_NOT).startswith(PREFIX)


def key_of(name: str) -> str:
    return name.removeprefix(_NOT).removeprefix(PREFIX)


def is_possible(name: str) -> bool:
    return is_meta(name) and meta.is_key(key_of(name))


def check(name: str) -> None:
    """Raises ``Invalid``."""
    if not meta.is_key(key_of(name)):
        raise Invalid(name[:80], "key", f'"{key_of(name)[:80]}" is not a key of meta: {meta.KEY_RULE}')


def checked_names(parameters: Iterable[str]) -> list[str]:
    """Without ``not_``. Raises ``Invalid``."""
    found = [name for name in parameters if is_meta(name)]
    for name in found:
        check(name)
    return sorted({name.removeprefix(_NOT) for name in found})


def from_options(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    """From ``KEY=VALUE``. Raises ``Invalid``."""
    found = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise Invalid(option, "value", f'must be KEY=VALUE, not "{text[:40]}"')
        found.append((f"{option.replace('-', '_')}.{key}", value))
    return found
