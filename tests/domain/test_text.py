"""Words, their similarity, and texts cut to a length."""

from enhancelog.domain.text import cut, similarity, words


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
