from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import pointers


def test_a_pointer_is_found_as_a_whole_only() -> None:
    assert pointers.names("at /agents/1.", "/agents/1")
    assert pointers.names("/agents/10 and /agents/1", "/agents/1")
    assert not pointers.names("/agents/10, x/agents/1, /agents/1/name, /agents/1.name", "/agents/1")


def test_only_the_beginning_of_a_text_is_searched() -> None:
    text = "x" * (pointers.SEARCHED_CHARACTERS - 4)
    assert pointers.names(f"{text} /ab", "/ab")
    assert not pointers.names(f"{text} /abc", "/abc")


def test_no_text_names_the_whole_document_or_a_very_long_pointer() -> None:
    assert not pointers.names("", "")
    longest = "/" + "a" * (pointers.LONGEST - 1)
    assert pointers.names(longest, longest)
    assert not pointers.names(longest + "a", longest + "a")


SAID = st.text("ab/~-._ `é?", max_size=20)


@given(st.lists(SAID, max_size=4), st.data())
def test_an_index_finds_what_each_text_names(texts: list[str], data: st.DataObject) -> None:
    index = pointers.Index(texts)
    parts = [text[start:end] for text in texts for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    for pointer in data.draw(st.lists(st.sampled_from(parts) if parts else SAID)) + data.draw(st.lists(SAID)):
        for may_continue in (False, True):
            expected = {
                number for number, text in enumerate(texts) if pointers.names(text, pointer, may_continue=may_continue)
            }
            assert index.naming(pointer, may_continue=may_continue) == expected


def test_an_index_finds_names_of_several_words_in_the_first_texts_that_it_reads() -> None:
    index = pointers.Index(["code reviewer", "reviewer code"])
    found = [index.naming("code reviewer") for _ in range(pointers.Index.MOST_READ)]
    assert found[0] == {0}
    assert found[-1] == set()
    assert index.naming("code") == {0, 1}
