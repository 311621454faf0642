"""Rules so plain that a test sees what follows: digits are a hole, and three templates with one first word are one."""

import re
from collections import defaultdict
from collections.abc import Sequence

import pytest

from enhancelog import patterns
from enhancelog.patterns import Group, Hole, Masked, Rest, no_rest

ENOUGH = 3


def mask(detail: str) -> Masked:
    detail = detail.replace("⟨", "‹").replace("⟩", "›")
    holes = tuple(Hole("n", number) for number in re.findall(r"\d+", detail))
    return Masked(re.sub(r"\d+", "⟨n⟩", detail), holes)


def join(templates: Sequence[str], rest: Rest = no_rest) -> list[Group]:
    by_word: defaultdict[str, list[str]] = defaultdict(list)
    for template in templates:
        by_word[template.partition(" ")[0]].append(template)
    groups = []
    for word, members in by_word.items():
        if len(members) >= ENOUGH:
            groups.append(Group(members[0], f"{word} ⟨words⟩", tuple(members)))
        else:
            groups += [Group(member, member, (member,)) for member in members]
    return sorted(groups, key=lambda group: templates.index(group.leader))


def use(monkeypatch: pytest.MonkeyPatch, *, most_templates: int | None = None, version: int | None = None) -> None:
    """Derive by these rules from now on."""
    monkeypatch.setattr(patterns, "mask", mask)
    monkeypatch.setattr(patterns, "join", join)
    if most_templates is not None:
        monkeypatch.setattr(patterns, "MOST_TEMPLATES", most_templates)
    if version is not None:
        monkeypatch.setattr(patterns, "RULES_VERSION", version)
