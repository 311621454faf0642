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
