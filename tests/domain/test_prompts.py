"""Texts for prompts: within their limit, whole lines, and texts of the log in marked lines only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import prompts
from enhancelog.domain.difference_prompts import Differing, DifferingEntries, DifferingExample, of_differences
from enhancelog.domain.prompts import LONGEST_QUOTE, Prompt, of_tried_before, of_why
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.domain.why import (
    Actor,
    CameNext,
    DeniedAxis,
    DeniedGroup,
    PastAttempt,
    Sample,
    SimilarApplied,
    TriedBefore,
    Why,
)

ACTOR = Actor("token", "agent-7")
# Whatever could end a line, a quote or a terminal's patience
TEXTS = st.text(st.sampled_from("MARK>\n\r\x0b\x0c\x1c\x85\u2028\u2029\x1b[\u202e\u2066\x00 "), max_size=40).map(
    lambda text: f"{text}MARK{text}"
)


@st.composite
def attempts(draw: st.DrawFn) -> PastAttempt:
    return PastAttempt(
        issue_id=draw(TEXTS),
        blueprint_id=draw(TEXTS),
        ts_ms=draw(st.integers(-(2**63), 2**63 - 1)),
        status=draw(st.sampled_from(["applied", "rejected"])),
        intent=draw(TEXTS),
        rationale=draw(TEXTS),
        actor=ACTOR,
        pointers=draw(st.lists(TEXTS, max_size=3)),
        pointers_left_out=draw(st.integers(0, 2)),
        denied=[DeniedAxis(draw(TEXTS), draw(TEXTS)) for _ in range(draw(st.integers(0, 3)))],
        denied_left_out=draw(st.integers(0, 2)),
        next=CameNext(draw(st.sampled_from(["applied", "same", "other", "none"])), draw(st.none() | TEXTS)),
    )


@st.composite
def answers(draw: st.DrawFn) -> TriedBefore:
    made = draw(st.lists(attempts(), max_size=5))
    return TriedBefore(DATA_NOTICE, draw(TEXTS), len(made) + draw(st.integers(0, 1)), 1, 2, made, 0)


@st.composite
def whys(draw: st.DrawFn) -> Why:
    samples = [Sample(draw(TEXTS), draw(TEXTS), ACTOR, [draw(TEXTS)]) for _ in range(draw(st.integers(0, 3)))]
    groups = [DeniedGroup(draw(TEXTS), draw(TEXTS), 3, 0, samples, [draw(TEXTS)])] * draw(st.integers(0, 4))
    similar = [SimilarApplied(draw(TEXTS), 0.5, 0, draw(TEXTS), draw(TEXTS), ACTOR)] * draw(st.integers(0, 3))
    return Why(DATA_NOTICE, draw(TEXTS), 9, 4, 5, groups, draw(st.integers(0, 1)), similar)


def check(said: str, most: int, whole: str) -> None:
    assert len(said) <= most
    assert said.endswith("\n")
    lines = said.removesuffix("\n").split("\n")
    assert lines == said.splitlines()  # nothing else ends a line
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if "MARK" in line and not line.startswith("> ")]
    shown = whole.removesuffix("\n").split("\n")
    if said != whole:
        *kept, end = lines
        kept = [line for line in kept if line]
        left_out = [line for line in shown if line][len(kept) :]
        assert end == f"({len(left_out):,} lines left out)"
        assert kept == [line for line in shown if line][: len(kept)]


@given(answers(), st.integers(prompts.LEAST, 3_000))
def test_attempts_as_text(answer: TriedBefore, most: int) -> None:
    check(of_tried_before(answer, most), most, of_tried_before(answer, 10**6))


@given(whys(), st.integers(prompts.LEAST, 3_000))
def test_denials_as_text(answer: Why, most: int) -> None:
    check(of_why(answer, most), most, of_why(answer, 10**6))


@st.composite
def differing(draw: st.DrawFn) -> DifferingEntries:
    found = [Differing(draw(TEXTS), 9, 8)] * draw(st.integers(0, 3))
    denied = [(draw(TEXTS), draw(TEXTS))] * draw(st.integers(0, 2))
    example = DifferingExample(draw(TEXTS), draw(TEXTS), 0, "rejected", draw(TEXTS), denied, [draw(TEXTS)])
    examples = [example] * draw(st.integers(0, 3))
    return DifferingEntries(draw(TEXTS), draw(TEXTS), 30, draw(st.integers(19, 20)), 9, 3, found, examples)


@given(differing(), st.integers(prompts.LEAST, 3_000))
def test_differences_as_text(found: DifferingEntries, most: int) -> None:
    check(of_differences(found, most), most, of_differences(found, 10**6))


@pytest.mark.parametrize("length", [LONGEST_QUOTE, LONGEST_QUOTE + 1, 10**6])
def test_a_long_text_ends_in_an_ellipsis(length: int) -> None:
    prompt = Prompt(prompts.MOST)
    prompt.quote("intent", "x" * length)
    (line,) = [line for line in prompt.text().splitlines() if line.startswith("> ")]
    assert line.endswith("…") == (length > LONGEST_QUOTE)


def test_lines_that_do_not_fit_are_counted_and_shorter_ones_do_not_take_their_place() -> None:
    prompt = Prompt(250)
    for line in ("first", "x" * 100, "short"):
        prompt.say(line)
    assert prompt.text().splitlines()[1:] == ["first", "(2 lines left out)"]
