"""Which masked templates of one axis differ only in words that vary."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

MOST_TEMPLATES: Final = 2_000
"""Templates of one axis that are told apart; what comes later is for the caller to put under "other"."""

FILLED_BY: Final = 4
FIXED_WORDS: Final = 3


class Group(NamedTuple):
    """Templates that are one pattern. ``leader`` is the first of them, ``template`` what they have in common."""

    leader: str
    template: str
    members: tuple[str, ...]


def join(templates: Sequence[str]) -> list[Group]:
    """Groups of the templates of one axis, ordered by their leaders."""
    leaders: dict[str, str] = {}
    places: dict[tuple[tuple[str, ...], int], set[str]] = defaultdict(set)
    tokens = {template: tuple(template.split(" ")) for template in templates}
    for words in tokens.values():
        for place, word in enumerate(words):
            if re.fullmatch(r"\w+", word):
                places[(*words[:place], "", *words[place + 1 :]), place].add(word)
    for template, words in tokens.items():
        for place in range(len(words)):
            key = (*words[:place], "", *words[place + 1 :])
            if len(places.get((key, place), ())) >= FILLED_BY and sum(w.isalpha() for w in key) >= FIXED_WORDS:
                leaders[template] = " ".join((*words[:place], "⟨word⟩", *words[place + 1 :]))
    members: dict[str, list[str]] = defaultdict(list)
    for template in tokens:
        members[leaders.get(template, template)].append(template)
    return [Group(group[0], template, tuple(group)) for template, group in members.items()]
