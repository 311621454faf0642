"""Line diffs: complete, and bounded in what they cost."""

import time

from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.diffs import MAX_LINES, compare

texts = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12).map("\n".join)


@given(texts, texts)
def test_what_stays_and_comes_is_the_new_text_where_nothing_is_cut(before: str, after: str):
    diff = compare(before, after)
    if before != after and not any(line.mark == "…" for line in diff.lines):
        kept = [line.text for line in diff.lines if line.mark in " +"]
        assert "\n".join(kept) in (after, after.removesuffix("\n"))
    assert diff.added == sum(line.mark == "+" for line in diff.lines)
    assert diff.removed == sum(line.mark == "-" for line in diff.lines)


def test_unchanged_stretches_are_cut_to_their_edges():
    before = "\n".join(str(number) for number in range(50))
    diff = compare(before, before.replace("25", "x"))
    assert [(line.mark, line.text) for line in diff.lines] == [
        ("…", ""),
        (" ", "23"),
        (" ", "24"),
        ("-", "25"),
        ("+", "x"),
        (" ", "26"),
        (" ", "27"),
        ("…", ""),
    ]
    assert diff.changed == 1


def test_nothing_and_something():
    assert [line.mark for line in compare(None, "a\nb\n").lines] == ["+", "+"]
    assert [line.mark for line in compare("a", None).lines] == ["-"]
    assert compare("same", "same").lines == []


def test_a_small_change_in_a_large_text_is_detailed():
    text = "line\n" * 200_000
    diff = compare(text, text + "one more")
    assert (diff.detailed, diff.added, diff.removed) == (True, 1, 0)


def test_two_large_texts_that_share_nothing_are_not_worked_out():
    began = time.process_time()
    diff = compare("a\nb\n" * MAX_LINES, "c\na\n" * MAX_LINES)
    assert not diff.detailed
    assert time.process_time() - began < 2
