"""Plain texts for prompts: whole lines within a limit, with texts of the log marked as data."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from enhancelog.domain.axis_figures import NextAttempts
from enhancelog.domain.terminal import printable_line, without_terminal_codes
from enhancelog.domain.text import DATA_NOTICE, cut
from enhancelog.domain.times import EARLIEST_MS
from enhancelog.domain.why import DeniedGroup, GroupPattern, PastAttempt, SimilarApplied, TriedBefore, Why

# Characters of a text as a whole
LEAST: Final = 200
DEFAULT: Final = 8_000
MOST: Final = 20_000

LONGEST_QUOTE: Final = 600  # characters of a quoted text; a longer one ends in an ellipsis

_QUOTE: Final = "> "
_HEAD: Final = f'{DATA_NOTICE} They stand in lines that begin with ">".'
_LEFT_OUT: Final = "({:,} lines left out)"
_RESERVED: Final = len("\n" + _LEFT_OUT.format(99_999) + "\n")
_LATEST_MS: Final = 253_402_300_800_000  # after the year 9999

_FOUND_WRONG: Final = " (reviewers found this denial wrong)"
PLACES: Final = "places that its patch changes"
_OUTCOMES: Final = {
    "applied": "It was tried again, and the next attempt was applied.",
    "same": "It was tried again, and the next attempt was denied by the same axis.",
    "other": "It was tried again, and the next attempt was denied by other axes.",
    "none": "It was not tried again within 7 days.",
}
_STATES: Final = {
    "new": "nothing yet",
    "acknowledged": "somebody takes care of it",
    "expected": "the verifier is right, and nobody needs to act",
    "fixed": "it is fixed",
}
_CAUSES: Final = {
    "prompt": "the patch-writer's prompt",
    "verifier": "the verifier, which is too strict",
    "issue": "the wording of the issue",
    "infrastructure": "the infrastructure",
    "other": "something else",
}

_DENIALS: Final = (
    "Task: say what the denials below have in common, and what to change: the instructions of whoever writes the "
    "patches, the verifier, or the wording of the intents. An axis is a verifier that judges patches of a document, "
    "the Blueprint. In a template, ⟨…⟩ stands for a value that varies."
)


class Example(NamedTuple):
    issue_id: str
    blueprint_id: str
    ts_ms: int
    intent: str
    reason: str
    pointers: Sequence[str]  # what its patch changes


class Instead(NamedTuple):
    """Applied after an example."""

    issue_id: str
    intent: str
    rationale: str
    pointers: Sequence[str]


class Denials(NamedTuple):
    """``templates``: with their denials. ``came_next``: after the ``rejected`` runs."""

    axis: str
    templates: Sequence[tuple[str, int]]
    examples: Sequence[Example]
    instead: Sequence[Instead]
    rejected: str
    came_next: NextAttempts


class Prompt:
    """From the first line that does not fit on, all are left out; the end says how many."""

    def __init__(self, most: int) -> None:
        self._left = most - len(_HEAD) - _RESERVED
        self._lines = [_HEAD]
        self._left_out = 0

    def say(self, line: str) -> None:
        """Our own words."""
        self._left -= len(line) + 1
        if self._left < 0 or self._left_out:
            self._left_out += bool(line)
        else:
            self._lines.append(line)

    def quote(self, label: str, text: str) -> None:
        """As one line; none without text."""
        said = printable_line(without_terminal_codes(text[: 2 * LONGEST_QUOTE]))
        if said:
            self.say(f"{_QUOTE}{label}: {cut(said, LONGEST_QUOTE)}")

    def begin(self, line: str) -> None:
        self.say("")
        self.say(line)

    def text(self) -> str:
        end = [_LEFT_OUT.format(self._left_out)] if self._left_out else []
        return "\n".join([*self._lines, *end]).rstrip() + "\n"


def of_why(answer: Why, most: int) -> str:
    prompt = Prompt(most)
    prompt.begin(
        f"{_runs(answer.runs)} of a Blueprint: {answer.applied:,} applied, {answer.rejected:,} rejected. "
        "Their denials, most frequent first; in a template, ⟨…⟩ stands for a value that varies."
    )
    prompt.quote("Blueprint", answer.blueprint_id)
    for number, group in enumerate(answer.denied, 1):
        _add_group(prompt, number, group)
    if answer.groups_left_out:
        prompt.begin(f"{answer.groups_left_out:,} more kinds of denials are left out.")
    if answer.similar_applied:
        prompt.begin("Applied runs with a similar intent, most similar first:")
    for run in answer.similar_applied:
        _add_similar(prompt, run)
    return prompt.text()


def of_tried_before(answer: TriedBefore, most: int) -> str:
    prompt = Prompt(most)
    prompt.begin(
        f"{_runs(answer.runs)} began with this document: {answer.applied:,} applied, {answer.rejected:,} rejected."
    )
    prompt.quote("document", answer.prev_hash)
    for number, attempt in enumerate(answer.attempts, 1):
        _add_attempt(prompt, number, attempt)
    more = answer.runs - len(answer.attempts)
    if more > 0:
        prompt.begin(f"{more:,} more are not shown.")
    return prompt.text()


def of_denials(denials: Denials, most: int = DEFAULT) -> str:
    prompt = Prompt(most)
    prompt.begin(_DENIALS)
    prompt.quote("axis", denials.axis)
    for template, number in denials.templates:
        prompt.quote(f"template, denied {_times(number)}", template)
    for number, example in enumerate(denials.examples, 1):
        _add_example(prompt, number, example)
    for applied in denials.instead:
        _add_instead(prompt, applied)
    prompt.begin(_came_next(denials))
    return prompt.text()


def _add_example(prompt: Prompt, number: int, example: Example) -> None:
    prompt.begin(f"Example {number}, at {moment(example.ts_ms)}:")
    prompt.quote("run", example.issue_id)
    prompt.quote("Blueprint", example.blueprint_id)
    prompt.quote("intent", example.intent)
    prompt.quote("reason", example.reason)
    prompt.quote(PLACES, listed(example.pointers))


def _add_instead(prompt: Prompt, applied: Instead) -> None:
    prompt.begin("Applied later, with the intent of an example:")
    prompt.quote("run", applied.issue_id)
    prompt.quote("intent", applied.intent)
    prompt.quote("rationale", applied.rationale)
    prompt.quote(PLACES, listed(applied.pointers))


def _came_next(denials: Denials) -> str:
    after = denials.came_next
    return (
        f"Rejected runs: {denials.rejected}. The next attempt at the same intent within 7 days: "
        f"{after.applied:,} applied, {after.same:,} denied by the same, {after.other:,} denied by others only, "
        f"{after.none:,} not made."
    )


def _add_group(prompt: Prompt, number: int, group: DeniedGroup) -> None:
    wrong = f" Reviewers found {group.found_wrong:,} of these denials wrong." if group.found_wrong else ""
    prompt.begin(f"Denial {number}: {_times(group.count)}, last at {moment(group.last_ts_ms)}.{wrong}")
    prompt.quote("axis", group.axis)
    prompt.quote("template", group.template)
    for pattern in group.patterns:
        _add_state(prompt, pattern)
    for sample in group.samples:
        prompt.quote(f"reason{_FOUND_WRONG}" if sample.found_wrong else "reason", sample.reason)
        prompt.quote("places of its patch that it names", listed(sample.pointers))
    prompt.quote("runs", listed(group.issue_ids))


def _add_state(prompt: Prompt, pattern: GroupPattern) -> None:
    if pattern.state == "new" and not pattern.conflict:
        return
    again = " Since then it was denied again." if pattern.returned else ""
    cause = f" What should change: {_CAUSES[pattern.cause]}." if pattern.cause else ""
    prompt.say(f"The team says: {_STATES[pattern.state]}.{again}{cause}")
    prompt.quote("note of the team", pattern.note)


def _add_similar(prompt: Prompt, run: SimilarApplied) -> None:
    prompt.begin(f"Applied at {moment(run.ts_ms)}; {run.similarity:.0%} of the words are the same.")
    prompt.quote("run", run.issue_id)
    prompt.quote("intent", run.intent)
    prompt.quote("rationale", run.rationale)


def _add_attempt(prompt: Prompt, number: int, attempt: PastAttempt) -> None:
    ending = f" {_OUTCOMES[attempt.next.outcome]}" if attempt.status == "rejected" else ""
    prompt.begin(f"Attempt {number}, at {moment(attempt.ts_ms)}: {attempt.status}.{ending}")
    prompt.quote("run", attempt.issue_id)
    prompt.quote("Blueprint", attempt.blueprint_id)
    prompt.quote("intent", attempt.intent)
    prompt.quote("rationale", attempt.rationale)
    prompt.quote(PLACES, listed(attempt.pointers))
    if attempt.pointers_left_out:
        prompt.say(f"{attempt.pointers_left_out:,} more places.")
    for denial in attempt.denied:
        label = f"denied by{_FOUND_WRONG}" if denial.found_wrong else "denied by"
        prompt.quote(label, f"{denial.axis}: {denial.reason}")
    if attempt.denied_left_out:
        prompt.say(f"{attempt.denied_left_out:,} more axes denied it.")
    prompt.quote("next attempt", attempt.next.issue_id or "")


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number:,} runs"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def listed(values: Sequence[str]) -> str:
    return ", ".join(values)


def moment(ts_ms: int) -> str:
    if not EARLIEST_MS <= ts_ms < _LATEST_MS:
        return f"{ts_ms} ms"  # not plausible
    return f"{datetime.fromtimestamp(ts_ms // 1000, UTC):%Y-%m-%d %H:%M} UTC"
