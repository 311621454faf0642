"""Words, their similarity, texts cut to a length, and where a prefix ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.text import cut, end_of_prefix, isolated, similarity, words

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab\ud7ff\ue000\U0010fffe\U0010ffff"), max_size=4
)


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


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("team-", "team."), ("a\ud7ff", "a\ue000"), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("", None)],
)
def test_a_prefix_ends_where_the_next_text_begins(prefix, end):
    assert end_of_prefix(prefix) == end


@given(TEXTS, TEXTS, TEXTS)
def test_the_range_of_a_prefix_is_what_starts_with_it(prefix, rest, other):
    end = end_of_prefix(prefix)
    for text in (prefix + rest, other):
        assert (text >= prefix and (end is None or text < end)) == text.startswith(prefix)


def test_isolates_end_where_the_text_ends():
    assert isolated("a \u2067b\u2069 c") == "a \u2067b\u2069 c"
    assert isolated("a \u2066b \u2068c") == "a \u2066b \u2068c\u2069\u2069"
    assert isolated("a\u2069 \u202eb") == "a\u200b \u202eb"


@given(st.text("a\u2066\u2067\u2068\u2069\u202e", max_size=12))
def test_a_text_never_ends_an_isolate_around_it(text):
    depth = 0
    for character in isolated(text):
        depth += {"\u2066": 1, "\u2067": 1, "\u2068": 1, "\u2069": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert isolated(text)[: len(text)].replace("\u200b", "\u2069") == text
