"""The filter ``is`` for lists of patterns: an entry denied by a new pattern may have old ones, too."""

from collections.abc import Callable
from dataclasses import replace

from enhancelog.domain.filters import EntryFilter
from enhancelog.queries.patterns.served import new_patterns


def newness(
    wanted: EntryFilter, since_ms: int | None, until_ms: int | None
) -> tuple[Callable[[int], bool], EntryFilter]:
    """Whether to list a pattern (its primary key), and the filter of entries without ``is``."""
    if "is" not in wanted.include and "is" not in wanted.exclude:
        return lambda pattern: True, wanted
    new = set(new_patterns(since_ms, until_ms).values_list("pk", flat=True))
    lists_new, lists_old = "is" not in wanted.exclude, "is" not in wanted.include
    include, exclude = (
        {name: values for name, values in given.items() if name != "is"} for given in (wanted.include, wanted.exclude)
    )
    rest = replace(wanted, include=include, exclude=exclude)
    return lambda pattern: lists_new if pattern in new else lists_old, rest
