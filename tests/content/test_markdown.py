"""Markdown that somebody else wrote: safe to show, bounded in what it costs."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.web.markdown import MAX_CHARS, TAGS, render
from tests.pages import Page

TAG = re.compile(r"<(/?)([a-z0-9]+)([^>]*)>")


def test_what_markdown_has_is_rendered():
    html = render("# T\n\n**b** *e* `c` ~~s~~\n\n- x\n\n|a|b|\n|-|-|\n|1|2|\n\n> q\n\n```py\nx < 1\n```")
    for part in (
        "<h2>T</h2>",
        "<strong>b</strong>",
        "<s>s</s>",
        "<li>x</li>",
        "<td>1</td>",
        "<blockquote>",
        "x &lt; 1",
    ):
        assert part in html


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
    html = render(text)
    for _, name, attributes in TAG.findall(html):
        assert name in ("p", "a")
        assert not re.search(r"\b(on\w+|hx-\w+|style|src)=", re.sub(r'"[^"]*"', '""', attributes))
        assert "javascript:" not in attributes
        assert "data:" not in attributes


@given(st.text(alphabet="<>[]()!`*_~#|-\n ahx=\"'&;:/", max_size=80))
def test_only_known_tags_come_out(text: str):
    assert all(name in TAGS for _, name, _ in TAG.findall(render(text)))


def links(text: str) -> list[str | None]:
    return [link.attributes.get("href") for link in Page(render(text)).all("a")]


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
    assert 'rel="nofollow noopener noreferrer"' in render("[l](https://example.org)")


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
    render((pattern * MAX_CHARS)[:MAX_CHARS])
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("columns", "line_end"), [(400, "\n"), (2000, "\r"), (400, "\r\n")])
def test_a_table_of_many_cells_is_shown_as_it_is(columns: int, line_end: str):
    began = time.process_time()
    html = render(line_end.join(["|a" * columns, "|-" * columns, *["x"] * (25_000 - 4 * columns)])[:MAX_CHARS])
    assert time.process_time() - began < 1
    assert html.startswith("<pre>")


def test_a_table_of_usual_size_is_a_table():
    assert render("\n".join(["|a" * 20, "|-" * 20, *["|x" * 20] * 200])).count("<td>") == 4000


def test_a_very_long_text_is_shown_as_it_is():
    html = render("# <b>\n" * MAX_CHARS)
    assert html.startswith("<pre># &lt;b&gt;")
    assert "<h2>" not in html
