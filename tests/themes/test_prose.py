"""Which axes are prose: those of a model that judges, and none whose messages a template wrote."""

from collections import Counter
from collections.abc import Sequence

import pytest

from enhancelog.patterns import join, mask
from enhancelog.themes import is_prose
from tests.patterns import held_out, tuned, unseen, untouched
from tests.patterns.scoring import written
from tests.themes import policies, reviews
from tests.themes.paraphrases import denials, half

CORPORA = {"tuned": tuned.AXES, "held out": held_out.AXES, "unseen": unseen.AXES, "untouched": untouched.AXES}


def patterns(details: Sequence[str]) -> dict[str, int]:
    """As a log counts them."""
    templates = Counter(mask(detail).template for detail in details)
    return {group.template: sum(templates[one] for one in group.members) for group in join(list(templates))}


@pytest.mark.parametrize(
    "reasons",
    [half(reviews.REASONS, kept_aside=False), half(reviews.REASONS, kept_aside=True), policies.REASONS],
    ids=["for choosing", "kept aside", "policies"],
)
@pytest.mark.parametrize("many", [60, 300])
def test_what_a_model_says_is_prose(reasons: dict[str, list[str]], many: int):
    assert is_prose(patterns([one.detail for one in denials(reasons)][:many]))


@pytest.mark.parametrize("corpus", CORPORA)
def test_what_templates_wrote_is_not(corpus: str):
    for axis, templates in CORPORA[corpus].items():
        details = [one.detail for seed in range(3) for one in written(axis, templates, seed)]
        assert not is_prose(patterns(details)), axis


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, False),
        (
            {
                f"the answer {'abcdefghij'[n % 10] * (n + 3)} says so much more than anybody asked for": 1
                for n in range(49)
            },
            False,
        ),
        (
            {
                f"the answer {'abcdefghij'[n % 10] * (n + 3)} says so much more than anybody asked for": 1
                for n in range(50)
            },
            True,
        ),
        ({f"step {'abcdefghij'[n % 10] * (n + 3)} has no owner": 1 for n in range(50)}, False),
        (
            {
                f"the answer {'abcdefghij'[n % 10] * (n + 3)} says so much more than anybody asked for": 3
                for n in range(50)
            },
            False,
        ),
        (
            {
                f"⟨name⟩ ⟨n⟩ ⟨path⟩ ⟨url⟩ ⟨date⟩ ⟨size⟩ ⟨id⟩ ⟨word⟩ ⟨hex⟩ ⟨email⟩ {'abcdefghij'[n % 10] * n}": 1
                for n in range(60)
            },
            False,
        ),
    ],
    ids=["nothing", "too few", "prose", "short", "repeated", "mostly holes"],
)
def test_variety_and_length_decide(found: dict[str, int], expected: bool):
    assert is_prose(found) is expected
