"""Markdown that somebody else wrote: safe to show, bounded in what it costs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.markdown_parser import MAX_CHARS
from enhancelog.web.markdown import TAGS, markdown
from tests.pages import Page


def rendered(text: str) -> Page:
    return Page(markdown(text))


def test_what_markdown_has_is_rendered():
    page = rendered("# T\n\n**b** *e* `c` ~~s~~\n\n- x\n\n|a|b|\n|-|-|\n|1|2|\n\n> q\n\n```py\nx < 1\n```")
    found = [(each.tag, each.words) for each in page.elements]
    for part in (
        ("h2", "T"),
        ("strong", "b"),
        ("em", "e"),
        ("code", "c"),
        ("s", "s"),
        ("li", "x"),
        ("th", "a"),
        ("td", "1"),
        ("blockquote", "q"),
        ("pre", "x < 1"),
    ):
        assert part in found


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<b hx-get="/x" onclick="y">z</b>',
        "![i](https://example.org/i.png)",
        "[l](javascript:alert(1))",
        "[l](data:text/html,x)",
        "<javascript:alert(1)>",
        '[l](https://example.org "t\\" onmouseover=x")',
        "<img src=x onerror=y>",
        "<style>*{}</style>",
    ],
)
def test_nothing_active_gets_through(text: str):
    for element in rendered(text).elements:
        assert element.tag in ("p", "a")
        assert element.attributes.keys() <= {"href", "title", "rel"}
        assert not element.attributes.get("href", "").startswith(("javascript:", "data:"))


@given(st.text(alphabet="<>[]()!`*_~#|-\n ahx=\"'&;:/", max_size=80))
def test_only_known_tags_come_out(text: str):
    assert {element.tag for element in rendered(text).elements} <= TAGS


def links(text: str) -> list[str | None]:
    return [link.attributes.get("href") for link in rendered(text).all("a")]


@pytest.mark.parametrize(
    "address",
    [
        "//host.example/x",
        "/\\host.example",
        "\\\\\\\\host.example",
        "&#47;&#47;host.example",
        "&sol;/host.example",
        "&#92;&#92;host.example",
        "/&#9;/host.example",
        "&#9;//host.example",
        "/&NewLine;/host.example",
        "/\u200b/host.example",
        "/\u00a0/host.example",
        "%2f%2Fhost.example",
        "/%09/host.example",
        "<// host.example>",
        "https:host.example",
        "https:/host.example",
        "http:\\\\host.example",
        "ftp://host.example",
    ],
)
def test_a_link_to_another_host_names_http_https_or_mailto(address: str):
    assert links(f"[a]({address})") == [None]
    assert links(f"[a]\n\n[a]: {address}") in ([None], [])


@pytest.mark.parametrize(
    "address",
    [
        *("https://example.org/a?b=c:d", "HTTP://example.org", "mailto:a@example.org"),
        *("/entries/h-1", "/entries/a%2F%2Fb", "docs/x:y", "#l-1", "?axis=a:b"),
    ],
)
def test_other_links_stay(address: str):
    assert links(f"[a]({address})") == [address]


def test_links_pass_nothing_on():
    (link,) = rendered("[l](https://example.org)").all("a")
    assert link.attributes["rel"] == "nofollow noopener noreferrer"


@pytest.mark.parametrize(
    "pattern",
    [
        ">",
        "[" * 1000 + "a" * 29_000,
        "![a" * 999,
        "[",
        "*a ",
        "- ",
        "> - ",
        "`",
        "|a",
        "a\n",
        "<",
        "[a](b ",
        "**a*",
        "\\",
    ],
)
def test_no_text_takes_long(pattern: str):
    began = time.process_time()
    markdown((pattern * MAX_CHARS)[:MAX_CHARS])
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("columns", "line_end"), [(400, "\n"), (2000, "\r"), (400, "\r\n")])
def test_a_table_of_many_cells_is_shown_as_it_is(columns: int, line_end: str):
    began = time.process_time()
    html = markdown(line_end.join(["|a" * columns, "|-" * columns, *["x"] * (25_000 - 4 * columns)])[:MAX_CHARS])
    assert time.process_time() - began < 1
    assert [element.tag for element in Page(html).elements] == ["pre"]


def test_a_table_of_usual_size_is_a_table():
    assert len(rendered("\n".join(["|a" * 20, "|-" * 20, *["|x" * 20] * 200])).all("td")) == 4000


def test_a_very_long_text_is_shown_as_it_is():
    text = "# <b>\n" * MAX_CHARS
    assert [(element.tag, element.text) for element in rendered(text).elements] == [("pre", text)]
