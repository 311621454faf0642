"""Three-way merge of lines: complete where edits are apart, refused where they are not."""

from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.diffs import MAX_LINES
from enhancelog.domain.merging import merge

texts = st.lists(st.sampled_from(["a", "b", "c", "", "a\r"]), max_size=12).map("\n".join)


@given(texts, texts)
def test_the_only_edit_is_the_merge(base: str, edited: str):
    assert merge(base, edited, base) == merge(base, base, edited) == merge(base, edited, edited) == edited


@given(texts, texts, texts)
def test_whose_edit_is_whose_makes_no_difference(base: str, ours: str, theirs: str):
    assert merge(base, ours, theirs) == merge(base, theirs, ours)


@given(st.data())
def test_edits_with_a_line_between_them_are_both_made(data: st.DataObject):
    base = [f"line {number}" for number in range(data.draw(st.integers(1, 12)))]
    edits = {
        number: data.draw(st.sampled_from([[], ["new"], ["new", "newer"]]), f"edit of line {number}")
        for number in data.draw(st.sets(st.integers(0, len(base) - 1)))
    }
    chosen = {number: new for number, new in edits.items() if number - 1 not in edits}
    ours = {number: new for number, new in chosen.items() if data.draw(st.booleans())}
    theirs = {number: new for number, new in chosen.items() if number not in ours}

    def edited(by: dict[int, list[str]]) -> str:
        return "\n".join(line for number, old in enumerate(base) for line in by.get(number, [old]))

    if len(chosen) < len(base):  # a text without any line is one empty line
        assert merge("\n".join(base), edited(ours), edited(theirs)) == edited(chosen)


def test_edits_that_overlap_or_touch_are_refused():
    assert merge("a\nb\nc", "a\nB\nc", "a\nbb\nc") is None
    assert merge("a\nb\nc", "A\nb\nc", "a\nB\nc") is None
    assert merge("a\nb", "a\nours\nb", "a\ntheirs\nb") is None
    assert merge("", "ours", "theirs") is None


def test_a_missing_final_newline_is_an_edit():
    assert merge("a\nb\nc", "A\nb\nc", "a\nb\nc\n") == "A\nb\nc\n"
    assert merge("a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n") == "A\r\nb\r\nC\r\n"


def test_edits_that_span_too_much_are_refused():
    base = "".join(f"{number}\n" for number in range(MAX_LINES + 1))
    assert merge(base, "", base) is None
    assert merge(base, base + "ours", "theirs\n" + base) == "theirs\n" + base + "ours"
