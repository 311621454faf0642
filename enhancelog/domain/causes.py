"""Why a run was never finished, told by the reason that the host gives."""

import re
from typing import Final, Literal, NamedTuple, get_args

from enhancelog.domain.telling_lines import unescaped

Cause = Literal["spawner", "answer", "pointer", "committer", "time_limit", "unknown_blueprint", "no_verifiers", "other"]
CAUSES: Final = get_args(Cause)


class Meaning(NamedTuple):
    name: str
    text: str


MEANINGS: Final[dict[Cause | None, Meaning]] = {
    "spawner": Meaning("Spawner failed", "The process that writes the patch failed."),
    "answer": Meaning("No patch", "The spawner's answer was no patch."),
    "pointer": Meaning("Bad pointer", "A pointer of the patch led nowhere."),
    "committer": Meaning("Committer failed", "The run died after all verdicts."),
    "time_limit": Meaning("Time limit", "The host stopped waiting for it. It could go on working."),
    "unknown_blueprint": Meaning("Unknown Blueprint", "The host has no such Blueprint."),
    "no_verifiers": Meaning("No verifiers", "The host ran with no verifiers."),
    "other": Meaning("Other", "Any other reason, or none: only the patch of the run is known."),
    None: Meaning("Pending", "The run waits or works, as far as is known."),
}

# Such a reason belongs to a run that is in the log.
_JUDGED: Final = "verifier deny:"

_STEP: Final = re.compile(r"dispatcher error for ref '([^']{1,100})'")
_SAID: Final = re.compile(r'blocked: \{"raw":"(?!")')
_POINTER: Final = re.compile(r"\bpath (?:not found|traverses)|JSON Pointer|test failed at|attempt to index")
_OF_APPLIER: Final = re.compile(r"unsupported RFC 6902|'from' required|\bipairs\b|\bops\b")
_NO_VERIFIERS: Final = re.compile(r"no verifiers?\b|verifier_axes|ctx\.verdicts must be|\bverifiers? (?:is|are) empty")
# What a host puts before the words of the step that failed.
_BEFORE: Final = re.compile(
    r"^dispatch failed: |dispatcher error for ref '[^']{1,100}': (?:blocked: )?"
    r'|runtime error: (?:\[string "[^"]{1,100}"\]:\d{1,9}: )?'
)
_OUTPUT: Final = re.compile(r'"(raw|stderr)":"((?:[^"\\]++|\\.)*+)')  # of a spawner, cut off if it is long
_READ_CHARACTERS: Final = 10_000


def was_judged(reason: str) -> bool:
    return reason.startswith(_JUDGED)


def cause_of(reason: str) -> Cause:
    """Only what precedes a stack trace counts."""
    said = _without_stack(reason)
    if "ceiling declared by" in said and "ttl_secs" in said:
        return "time_limit"
    if "blueprint store:" in said:
        return "unknown_blueprint"
    if _NO_VERIFIERS.search(said):
        return "no_verifiers"
    steps = _STEP.findall(said)
    return _at_step(steps[-1], said) if steps else "other"


def failure(reason: str) -> str:
    """The words of the step that failed."""
    said = _without_stack(reason)
    last = max((found.end() for found in _BEFORE.finditer(said)), default=0)
    return _of_spawner(said[last:]) or said[last:]


def _of_spawner(said: str) -> str:
    outputs = _OUTPUT.findall(said) if said.startswith('{"') else ()
    return next((text for _, output in sorted(outputs) if (text := unescaped(output).strip())), "")


def _without_stack(reason: str) -> str:
    return reason[:_READ_CHARACTERS].partition("\nstack traceback")[0]


def _at_step(step: str, said: str) -> Cause:
    if step == "patch-spawner":
        return "answer" if _SAID.search(said) else "spawner"
    if step == "patch-applier":
        if _POINTER.search(said):
            return "pointer"
        return "answer" if _OF_APPLIER.search(said) else "other"
    return "committer" if step == "committer" else "other"
