"""The names under which sources are shown, which need not be those under which they were recorded."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import check_id
from enhancelog.domain.strict_json import check_text

MOST_RENAMED: Final = 1_000  # sources that are shown under another name at a time
LONGEST_WHY: Final = 1_000  # characters


@dataclass(frozen=True)
class Names:
    """``by_source``: recorded to shown, of the sources that were ever renamed."""

    by_source: Mapping[str, str] = field(default_factory=dict)

    def shown(self, source: str) -> str:
        return self.by_source.get(source, source)

    def recorded(self, name: str) -> list[str]:
        """The sources shown under ``name``. If there is none any more, what was recorded under it, so that old links
        still work."""
        found = [source for source, shown in self.by_source.items() if shown == name]
        if name not in self.by_source:
            found.append(name)
        return sorted(found) or [name]

    def others(self, source: str) -> list[str]:
        """The other sources that are shown under the name of this one."""
        return [each for each in self.recorded(self.shown(source)) if each != source]

    def recorded_of(self, names: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(source for name in names for source in self.recorded(name)))

    def added_up(self, numbers: Mapping[str, int]) -> dict[str, int]:
        found: Counter[str] = Counter()
        for source, number in numbers.items():
            found[self.shown(source)] += number
        return dict(found)

    @cached_property
    def key(self) -> int:
        return hash(frozenset(self.by_source.items()))

    @cached_property
    def renamed(self) -> int:
        return sum(source != shown for source, shown in self.by_source.items())


def check_name(name: str, field: str) -> None:
    """Whether a source may be shown under it. Raises ``Invalid``."""
    if not name:
        raise Invalid(field, "required", "is empty; give the name under which the source is to be shown")
    check_id(name, field)
    if name != name.strip():
        raise Invalid(field, "id", "must not begin or end with white space")


def check_why(why: str, field: str) -> str:
    """Without white space around it. Raises ``Invalid``."""
    text = why.strip()
    if not text:
        raise Invalid(field, "required", "is empty; say why the name changes")
    if len(text) > LONGEST_WHY:
        raise Invalid(field, "length", f"has {len(text):,} characters; at most {LONGEST_WHY:,} are allowed")
    check_text(text, field)
    return text
