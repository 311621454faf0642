"""The words of an entry in the search index: the short way of most entries finds the same as the long one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enhancelog.domain.search_words import GAP, LONGEST, search_words
from enhancelog.projections import search_index
from enhancelog.projections.search_index import MOST_PLACES, words
from tests.factories import make_entry

TEXTS = st.text(
    st.sampled_from('aB9 -_·\x7f\n"éｑ東') | st.characters(codec="utf-8", exclude_characters="\0"), max_size=80
)


def by_text(*texts: str) -> str:
    """One text after the other, each with a gap; for entries within all limits."""
    spoken = [found for text in texts if (found := search_words(text))]
    return " ".join(word for found in spoken for word in (*found, GAP))


@given(TEXTS, st.lists(TEXTS, max_size=4), TEXTS)
@example("Two words", ["axis: said", "!?", "axis: again"], "")
@example("!?", ["..."], "words")
@example("", [], "")
@example("a·b · c", ["·"], "·")
@example("A" * LONGEST, ["b" * (LONGEST + 1)], "c" * 3 * LONGEST)
def test_words_are_those_of_each_text_with_a_gap_after_it(intent: str, reasons: list[str], rationale: str) -> None:
    entry = make_entry(intent=intent, reasons=tuple(reasons), rationale=rationale, verdicts=())
    assert words(entry) == by_text(intent, *reasons, rationale)


@pytest.mark.parametrize("text", ["so it is ", "so é is "], ids=["ASCII", "not ASCII"])
def test_a_word_beyond_its_places_is_a_gap(text: str) -> None:
    entry = make_entry(intent="", reasons=(), verdicts=(), rationale=text * (MOST_PLACES + 5))
    found = words(entry).split()
    assert found.count("so") == found.count("is") == MOST_PLACES
    assert found[-4:] == [GAP] * 4
    assert len(found) == 3 * (MOST_PLACES + 5) + 1


def test_many_words_that_repeat_seldom_are_all_kept() -> None:
    text = " ".join(f"w{number % 200}" for number in range(600))
    entry = make_entry(intent="", reasons=(), verdicts=(), rationale=text)
    assert words(entry) == f"{text} {GAP}"
    assert search_index._plain([text]) == words(entry)
