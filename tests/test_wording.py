"""Reasons that say the same of different things, and intents that ask for the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.wording import LONGEST_WORDING, cut, first_line, similarity, wording, words


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        (("step 3 of 12 names no agent", "step 14 of 9 names no agent"), "step # of # names no agent"),
        (('agent "writer" is not declared', "agent `critic` is not declared"), 'agent "…" is not declared'),
        (("hash 0a1b2c3d4e differs", "hash 9f8e7d6 differs"), "hash # differs"),
        (("run h-3fa85f64-5717-4562-b3fc-2c963f66afa6 is stale",), "run h-# is stale"),
        (("1.5 of 2,000 bytes\nand more", "\n\n 7 of  8 bytes"), "# of # bytes"),
        (("it doesn't change what's there",), "it doesn't change what's there"),
        (("path 'a/b' isn't there",), 'path "…" isn\'t there'),
        (('an unclosed "quote',), 'an unclosed "quote'),
        (("", " \n\t"), ""),
        (("added facade decade",), "added facade decade"),
    ],
)
def test_reasons_of_one_wording(reasons: tuple[str, ...], said: str):
    assert {wording(reason) for reason in reasons} == {said}


@given(st.text())
def test_a_wording_is_one_short_line(text: str):
    assert len(wording(text)) <= LONGEST_WORDING
    assert len(wording(text * 50).splitlines()) <= 1


def test_words_are_lower_case_and_each_once():
    assert words("Cite the FILE, the line_2!") == {"cite", "the", "file", "line_2"}
    assert words("引用する file") == {"引", "用", "す", "る", "file"}


def test_similarity_is_the_share_in_common():
    assert similarity(words("cite the file"), words("cite the line")) == 0.5
    assert similarity(words(""), words("!")) == 0.0
    assert similarity(words("same"), words("Same.")) == 1.0


def test_cuts_are_marked_and_between_characters():
    assert cut("語語語", 3) == "語語語"
    assert cut("語語語語", 3) == "語語…"
    assert first_line("\n  two   words \nmore", 50) == "two words"
