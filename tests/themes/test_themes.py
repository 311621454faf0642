"""Themes: what they tell apart, what they depend on, and what they may cost."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.themes import Themes, themes
from enhancelog.themes.wordings import Saved
from tests.themes import policies, reviews
from tests.themes.baselines import patterns
from tests.themes.paraphrases import denials, half
from tests.themes.scoring import Ledger, scores, themes_of

GOAL = 0.8
FEW = 6
SEEDS = range(10)
SETS: dict[str, Mapping[str, Sequence[str]]] = {
    "for choosing": half(reviews.REASONS, kept_aside=False),
    "kept aside": half(reviews.REASONS, kept_aside=True),
    "policies": policies.REASONS,
}

# Words of few letters: wordings that are alike, and far from being so.
_WORD = st.sampled_from(
    "source cite citation missing prompt promise tone rude loop retry limit tool shell scope".split()
)
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_DETAILS = st.lists(st.lists(_WORD, max_size=5).map(" ".join), max_size=60)


@contextmanager
def few_wordings() -> Iterator[None]:
    """So few that they are folded and retire all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(themes, "MOST_WORDINGS", FEW)
        yield


@pytest.mark.parametrize("name", SETS)
def test_the_mean_over_orders_and_values_reaches_the_goal(name: str):
    found = scores(SETS[name], themes_of, SEEDS)
    assert sum(found) / len(found) >= GOAL
    assert min(found) >= 0.7
    assert scores(SETS[name], patterns, [0])[0] < 0.1


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_ten_reasons_in_five_wordings_each(name: str):
    assert len(SETS[name]) == 10
    assert all(len(set(wordings)) == 5 for wordings in SETS[name].values())


@pytest.mark.parametrize("reasons", [reviews.REASONS, policies.REASONS], ids=["reviews", "policies"])
def test_a_set_has_three_hundred_denials(reasons: dict[str, list[str]]):
    assert len(denials(reasons)) >= 300


@pytest.mark.parametrize(
    ("reason", "telling"), [("escalation", "human"), ("competitor", "competitor"), ("price", "price")]
)
def test_a_theme_is_called_by_its_telling_words(reason: str, telling: str):
    said = denials(policies.REASONS)
    ledger = Ledger()
    ledger.add(one.detail for one in said)
    of_reason = [theme for one, theme in zip(said, ledger.assigned(), strict=True) if one.reason == reason]
    largest = max(set(of_reason), key=of_reason.count)
    assert largest is not None
    label = ledger.themes.labels()[largest]
    assert any(word.startswith(telling) for word in label), label
    assert len({word[:4] for word in label}) == len(label) == themes.LABEL_WORDS


def test_sizes_count_the_denials_of_each_theme():
    ledger = Ledger()
    ledger.add(one.detail for one in denials(policies.REASONS))
    assigned = ledger.assigned()
    assert ledger.themes.sizes() == Counter(theme for theme in assigned if theme is not None)


def test_a_new_detail_joins_the_theme_whose_words_it_shares():
    ledger = Ledger()
    ledger.add(one.detail for one in denials(policies.REASONS))
    ledger.add(
        ["Nothing about a competitor may be in a reply to customers, and comparisons are a competitor's business."]
    )
    *before, theme = ledger.assigned()
    of_reason = [
        one for one, said in zip(before, denials(policies.REASONS), strict=True) if said.reason == "competitor"
    ]
    assert theme == max(set(of_reason), key=of_reason.count)


def test_a_denial_and_its_negation_share_a_theme():
    """A limit that the docs name: negation is grammar, and most denials are negative."""
    cites = [f"{agent} cites sources for every claim." for agent in ("critic", "writer", "scribe")]
    does_not = [f"{agent} does not cite sources for every claim." for agent in ("critic", "writer", "scribe")]
    assert len(set(themes_of([*cites, *does_not] * 3))) == 1


@given(_DETAILS, st.data())
def test_a_restart_changes_nothing(details: list[str], data: st.DataObject):
    at = data.draw(st.integers(0, len(details)))
    restarted, anew = Ledger(), Ledger()
    with few_wordings():
        restarted.add(details[:at])
        restarted.restart()
        restarted.add(details[at:])
        anew.add(details)
    assert restarted.assigned() == anew.assigned()
    assert restarted.themes.save() == anew.themes.save()


@given(_DETAILS)
def test_moves_tell_what_the_themes_are(details: list[str]):
    """A ledger that only follows moves knows each live theme and how many denials it has."""
    ledger = Ledger()
    with few_wordings():
        ledger.add(details)
    assigned = ledger.assigned()
    assert ledger.themes.sizes() == Counter(theme for theme in assigned if theme is not None)
    assert [detail for theme, detail in zip(assigned, details, strict=True) if theme is not None and not detail] == []


def test_wordings_are_bounded_however_many_details_come():
    drawn = random.Random(0)
    ledger = Ledger()
    with few_wordings():
        ledger.add(" ".join(f"{drawn.getrandbits(32):x}".translate(_LETTERS) for _ in range(9)) for _ in range(500))
    saved = msgspec.json.decode(ledger.themes.save(), type=dict)
    assert len(saved["saved"]["wordings"]) < FEW
    assert ledger.assigned().count(None) > 500 - FEW


def test_words_of_a_wording_are_bounded():
    """Details that share some words and bring new ones each time."""
    drawn = random.Random(0)
    shared = "sources citations claims references quoted evidence"
    found = Themes()
    for _ in range(500):
        found.add(shared + "".join(f" {drawn.getrandbits(32):x}".translate(_LETTERS) for _ in range(3)))
    saved = msgspec.convert(msgspec.json.decode(found.save())["saved"], Saved, strict=False)
    assert max(len(wording.counts) for wording in saved.wordings.values()) <= 128
    assert len(found.save()) < 20_000


@pytest.mark.parametrize(
    "detail",
    ["", " \n\t", "🙂 … —", "not the one that it was", "42 0x2a /a/b.c", "`code`", '"quoted words"', "\ud800\x00"],
)
def test_a_detail_without_words_has_no_theme(detail: str):
    found = Themes()
    assert found.add(detail) == (None, ())
    assert found.sizes() == {}


@pytest.mark.parametrize(
    "detail",
    [
        "word " * 100_000,
        "a" * 1_000_000,
        '"' * 100_000 + " sources",
        "漢字" * 50_000,
        "é" * 100_000,
        "sources\ud800cited\x00",
    ],
)
def test_any_text_is_placed_and_can_be_saved(detail: str):
    ledger = Ledger()
    ledger.add([detail] * 20)
    ledger.restart()
    ledger.add([detail])
    assert len(set(ledger.assigned())) == 1
    assert ledger.themes.labels().keys() == ledger.themes.sizes().keys()


def test_what_was_not_saved_here_is_not_read():
    with pytest.raises(msgspec.DecodeError):
        Themes(b"[]")


def test_rest_is_called_while_wordings_are_grouped():
    rests: list[None] = []
    found = Themes(rest=lambda: rests.append(None))
    for one in denials(policies.REASONS)[:16]:
        found.add(one.detail)
    assert len(rests) >= 10
