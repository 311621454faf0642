"""A browser in a few words of our own, from its ``User-Agent``, which anybody can forge."""

import re
from functools import lru_cache
from typing import Final

LOOKED_AT: Final = 400  # characters

# The first that is found counts: most browsers name others, too.
_BROWSERS: Final = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/([0-9]{1,4})")),
    ("Opera", re.compile(r"OPR/([0-9]{1,4})")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/([0-9]{1,4})")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/([0-9]{1,4})")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS)/([0-9]{1,4})")),
    ("Safari", re.compile(r"Version/([0-9]{1,4})\S* (?:Mobile/\S+ )?Safari/")),
    ("curl", re.compile(r"curl/([0-9]{1,4})")),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def in_words(user_agent: str) -> str:
    """For example ``Firefox 128 on Linux``."""
    return _in_words(user_agent[:LOOKED_AT])


@lru_cache(maxsize=1024)
def _in_words(user_agent: str) -> str:
    browser = next((f"{name} {found[1]}" for name, pattern in _BROWSERS if (found := pattern.search(user_agent))), "")
    system = next((name for word, name in _SYSTEMS if word in user_agent), "")
    if not browser:
        browser = "Another program" if user_agent else "A program without a name"
    return f"{browser} on {system}" if system else browser
