"""What joined templates show, and what fills it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.patterns import Hole, fill, join, mask, parts
from enhancelog.patterns.filling import common
from enhancelog.patterns.masks import normalised_line
from enhancelog.patterns.tokenizer import tokens
from tests.patterns import tuned
from tests.patterns.scoring import written

_QUOTES = re.compile(r"[`\"“”„«»‹›「」『』'‘’\s]")


@pytest.mark.parametrize(
    ("templates", "shown"),
    [
        (["the step critic has no owner", "the step writer has no owner"], "the step ⟨word⟩ has no owner"),
        (["owner Bob left", "owner Ann Lee left"], "owner ⟨words⟩ left"),
        (["⟨n⟩ token is over", "⟨n⟩ tokens are over"], "⟨n⟩ tokens are over"),
        (["⟨n⟩ package differs", "⟨n⟩ packages differ"], "⟨n⟩ packages differ"),
        (["value ⟨n⟩ is bad", "value ⟨numbers⟩ is bad"], "value ⟨numbers⟩ is bad"),
        (["text ⟨name⟩ is bad", "text ⟨text⟩ is bad"], "text ⟨text⟩ is bad"),
        (["took ⟨n⟩ s", "took ⟨n⟩ms", "took ⟨duration⟩"], "took ⟨duration⟩"),
        (["steps a, b have no owner", "steps ⟨names⟩ have no owner"], "steps ⟨names⟩ have no owner"),
        (["steps a, b fail", "steps c, d fail"], "steps ⟨names⟩ fail"),
    ],
)
def test_what_templates_have_in_common(templates: list[str], shown: str):
    assert common(templates) == shown


@pytest.mark.parametrize(
    ("shown", "detail", "filled"),
    [
        ("the step ⟨word⟩ has no owner", "the step critic has no owner", [("word", "critic")]),
        ("the step ⟨word⟩ has ⟨n⟩ owners", "the step 'x' has 3 owners", [("name", "x"), ("n", "3")]),
        ("owner ⟨words⟩ left on ⟨date⟩", "owner Ann Lee left on 2024-05-06", [("words", "Ann Lee"), ("date", "2024-05-06")]),
        ("took ⟨duration⟩ of ⟨n⟩", "took 3 s of 5", [("duration", "3 s"), ("n", "5")]),
        ("took ⟨n⟩ s", "took 3 s", [("n", "3")]),
        ("steps ⟨names⟩ fail", "steps critic, qa-lead-2 fail", [("names", "critic, qa-lead-2")]),
        ("quite ⟨word⟩ another", "something 5 else", [("word", "something 5 else")]),
        ("no hole", "something 5 else", []),
    ],
)  # fmt: skip
def test_what_fills_the_holes_of_one_detail(shown: str, detail: str, filled: list[tuple[str, str]]):
    assert fill(shown, mask(detail)) == [Hole(*hole) for hole in filled]


@pytest.mark.parametrize("axis", tuned.AXES)
def test_with_its_holes_filled_a_shown_template_is_the_detail_again(axis: str):
    """But for quotes, white space, and the number of its words where these have a plural."""
    masked = {detail: mask(detail) for _, detail in written(axis, tuned.AXES[axis], seed=0)}
    groups = join(list(dict.fromkeys(one.template for one in masked.values())))
    shown = {member: group.template for group in groups for member in group.members}
    for detail, one in masked.items():
        assert fill(one.template, one) == list(one.holes)
        filled = iter(fill(shown[one.template], one))
        again = "".join(next(filled).value if part.hole else part.text for part in parts(shown[one.template]))
        assert said(again) == said(normalised_line(detail))


def said(text: str) -> list[str]:
    return [token.key for token in tokens(_QUOTES.sub(" ", text))]


@given(
    st.lists(st.sampled_from("critic writer is a ⟨n⟩ ⟨names⟩ , : and ⟨name⟩ s".split()), max_size=6),
    st.text(max_size=60),
)
def test_every_hole_is_filled_whatever_the_detail(words: list[str], detail: str):
    shown = " ".join(words)
    assert len(fill(shown, mask(detail))) == sum(bool(part.hole) for part in parts(shown))
