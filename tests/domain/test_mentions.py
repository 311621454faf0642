"""Who is mentioned in a text: what is found is what is marked, and code, links and addresses mention nobody."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import mentions
from enhancelog.web.markdown import TAGS, markdown
from tests.pages import Page

USERS = ("bob", "ada.l", "cy@example.com", "d-e_f+g", "é", "_x_")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@bob", ["bob"]),
        ("@bob, @ada.l. (@é) @bob", ["bob", "ada.l", "é"]),
        ("**@bob** _@bob_ ~~@ada.l~~ # @é", ["bob", "ada.l", "é"]),
        ("@bob... @bob@ @bob's @bob/@ada.l", ["bob", "ada.l"]),
        ("@cy@example.com @cy", ["cy@example.com"]),
        ("@d-e_f+g", ["d-e_f+g"]),
        ("| a | b |\n|-|-|\n| @bob | x |", ["bob"]),
        ("> @bob\n\n- @é", ["bob", "é"]),
        ("\\@bob", ["bob"]),
        ("x@bob bob @bobby @Bob @ bob @@bob", []),
        ("`@bob` [@bob](https://example.org) <https://example.org/@bob>", []),
        ("```\n@bob\n```\n\n    @bob", []),
        ("![@bob](https://example.org)", []),
        ("@nobody", []),
        ("@_x_ is emphasized", []),
        ("[" * 1_001 + "@bob", []),
        ("", []),
    ],
)
def test_who_is_mentioned(text: str, named: list[str]) -> None:
    assert mentions.mentioned(text, USERS) == named
    assert set(named) <= set(mentions.candidates(text))
    assert marked(text) == set(named)


def marked(text: str) -> set[str]:
    spans = Page(markdown(text, USERS)).all("span", class_="mention")
    return {span.words.removeprefix("@") for span in spans}


TEXTS = st.lists(
    st.sampled_from([*(f"@{name}" for name in USERS), "@", *"`*_[]()<>|\\\n .,x-#~!:", "    ", "](", "```"]),
    max_size=25,
).map("".join)


@given(TEXTS)
def test_who_is_found_is_marked(text: str) -> None:
    assert marked(text) == set(mentions.mentioned(text, USERS))
    assert set(mentions.mentioned(text, USERS)) <= set(mentions.candidates(text))


@given(TEXTS)
def test_marks_change_nothing_else(text: str) -> None:
    page = Page(markdown(text, USERS))
    assert {element.tag for element in page.elements} <= TAGS | {"span"}
    without = re.sub(r'<span class="mention">(.*?)</span>', r"\1", str(markdown(text, USERS)))
    assert without == str(markdown(text))


def test_few_names_are_looked_up() -> None:
    text = " ".join(f"@user{number}." for number in range(2_000))
    assert mentions.MOST_LOOKED_UP <= len(mentions.candidates(text)) <= mentions.MOST_LOOKED_UP + 1
    assert mentions.candidates("@" + "x" * 9_000) == []
