"""What is different about entries, as a text for a prompt."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enhancelog.domain.intervals import FEW
from enhancelog.domain.prompts import DEFAULT, PLACES, Prompt, listed, moment

_DIFFERENCES: Final = (
    "Task: say what may explain the differences below, and what to look at next. A difference is no cause. An entry is "
    "a run that tried to patch a document, the Blueprint; an axis is a verifier that judges the patches."
)


class Differing(NamedTuple):
    # How many entries of each side have the feature.

    words: str
    inside: int
    outside: int


class DifferingExample(NamedTuple):
    issue_id: str
    blueprint_id: str
    ts_ms: int
    status: str
    intent: str
    denied: Sequence[tuple[str, str]]  # axis and reason
    pointers: Sequence[str]


class DifferingEntries(NamedTuple):
    # ``inside`` and ``outside`` are filters as text.

    inside: str
    outside: str
    entries: int
    others: int
    tested: int
    differ: int
    found: Sequence[Differing]
    examples: Sequence[DifferingExample]


def of_differences(found: DifferingEntries, most: int = DEFAULT) -> str:
    prompt = Prompt(most)
    prompt.begin(_DIFFERENCES)
    prompt.begin(f"{_entries(found.entries)} of the first filter are compared with {found.others:,} of the second.")
    prompt.quote("first filter", found.inside)
    prompt.quote("second filter", found.outside)
    prompt.begin(_what_differs(found))
    for each in found.found:
        shares = f"{each.inside:,} of {found.entries:,}, of the second {each.outside:,} of {found.others:,}"
        prompt.quote(shares, each.words)
    if found.examples:
        prompt.begin("The newest entries of the first filter:")
    for number, example in enumerate(found.examples, 1):
        _add_differing(prompt, number, example)
    return prompt.text()


def _what_differs(found: DifferingEntries) -> str:
    if min(found.entries, found.others) < FEW:
        return f"Too few to compare: {FEW} entries are needed of each."
    if not found.found:
        return f"No difference stands out; {found.tested:,} features were tested."
    return f"How many have a feature, the strongest {len(found.found):,} of {found.differ:,} differences:"


def _add_differing(prompt: Prompt, number: int, example: DifferingExample) -> None:
    prompt.begin(f"Example {number}, at {moment(example.ts_ms)}: {example.status}.")
    prompt.quote("run", example.issue_id)
    prompt.quote("Blueprint", example.blueprint_id)
    prompt.quote("intent", example.intent)
    for axis, reason in example.denied:
        prompt.quote("denied by", f"{axis}: {reason}")
    prompt.quote(PLACES, listed(example.pointers))


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number:,} entries"
