"""Denials in prose, made of wordings written by hand."""

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

# Each wording becomes three to ten denials. A draw replaces {slots} by values and takes one of [these|or these]; the
# sentences that || separates may change places; and two thirds of the denials have a lead or a tail that says nothing.
FEWEST: Final = 3
MOST: Final = 10

_AGENTS = """critic writer planner linter router editor reader deployer auditor summariser collector translator
classifier dispatcher librarian referee qa-lead fact-checker intake-3 planner_eu""".split()
_TOPICS = [
    "billing", "refunds", "shipping", "onboarding", "travel insurance", "payroll", "the weather", "loan terms",
    "opening hours", "data retention", "release notes", "tax forms", "returns", "grading", "staffing", "password resets",
]  # fmt: skip
_QUOTES = [
    '"be helpful"', '"as soon as possible"', "“do what seems right”", "'keep it short'", '"when in doubt, decide"',
    "`{{user_goal}}`", '"see below"', "“never mind the rest”", '"SLA tier 2"', "'good enough'",
]  # fmt: skip
_LEADS = [
    "I cannot approve this patch.", "Denied.", "This needs another round.", "Not acceptable as it stands.",
    "Thanks for the patch, but I have to reject it.", "Verdict: deny.",
]  # fmt: skip
_TAILS = [
    "Please revise.", "Please fix this before trying again.", "I would accept the patch otherwise.",
    "The rest looks fine.", "See the guidelines.", "Everything else is in order.",
]  # fmt: skip

_CHOICE: Final = re.compile(r"\[([^\[\]|]++(?:\|[^\[\]|]++)++)\]")
_SLOT: Final = re.compile(r"\{(agent|Agent|topic|quote|n)\}")


class Denial(NamedTuple):
    """A detail, and the reason and wording it was made of."""

    reason: str
    wording: int
    detail: str


def denials(reasons: Mapping[str, Sequence[str]], seed: int = 0) -> list[Denial]:
    """In random order."""
    drawn = random.Random(f"{seed}:{','.join(reasons)}")
    made = [
        Denial(reason, number, _said(wording, drawn))
        for reason, wordings in reasons.items()
        for number, wording in enumerate(wordings)
        for _ in range(drawn.randint(FEWEST, MOST))
    ]
    drawn.shuffle(made)
    return made


def half(reasons: Mapping[str, Sequence[str]], kept_aside: bool) -> dict[str, Sequence[str]]:
    """By a hash of the reason's name, so that no one chooses."""
    ranked = sorted(reasons, key=lambda reason: hashlib.sha256(reason.encode()).digest())
    return {reason: reasons[reason] for nth, reason in enumerate(ranked) if bool(nth % 2) == kept_aside}


def _said(wording: str, drawn: random.Random) -> str:
    values = {
        "agent": drawn.choice(_AGENTS),
        "topic": drawn.choice(_TOPICS),
        "quote": drawn.choice(_QUOTES),
        "n": str(drawn.randint(2, 900)),
    }
    values["Agent"] = f"Agent {values['agent']}" if drawn.random() < 0.5 else values["agent"].capitalize()
    sentences = [part.strip() for part in wording.split("||")]
    if drawn.random() < 0.5:
        sentences.reverse()
    if drawn.random() < 1 / 3:
        sentences.insert(0, drawn.choice(_LEADS))
    elif drawn.random() < 1 / 2:
        sentences.append(drawn.choice(_TAILS))
    text = _CHOICE.sub(lambda match: drawn.choice(match[1].split("|")), " ".join(sentences))
    return _SLOT.sub(lambda match: values[match[1]], text)
