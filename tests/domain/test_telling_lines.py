"""The line that stands for a text says something, whatever wraps it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.telling_lines import LINE_CHARACTERS, LOOKED_AT, telling_line
from enhancelog.domain.terminal import without_terminal_codes
from enhancelog.patterns import mask
from tests.limited import assert_ends

TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in check\n    call()\n'
CHAINED = "\nDuring handling of the above exception, another exception occurred:\n\n"

TOLD = {
    "\n  two   words \nmore": "two words",
    "": "",
    " \n\t\n": "",
    TRACEBACK + "KeyError: 'writer'": "KeyError: 'writer'",
    f"{TRACEBACK}KeyError: 'writer'\n{CHAINED}{TRACEBACK}ValueError: no such agent\n": "ValueError: no such agent",
    "Traceback (most recent call last):\n  cut off": "Traceback (most recent call last):",
    "stderr:\n" + TRACEBACK + "KeyError: 'writer'": "KeyError: 'writer'",
    '{\n  "error": "schema_violation"\n}': "schema_violation",
    '{"status": "deny", "reason": "too long"}': "too long",
    '{"error": {"code": 7, "message": "timed out"}}': "timed out",
    '[{"message": "first"}, {"message": "second"}]': "first",
    '{"code": 1e3,\n "seen": true}': '{"code": 1e3, "seen": true}',
    '{\n  "code": 7,\n  "error": "cut \\"off\\"", "and': 'cut "off"',
    '{\n  "error": "' + "long " * LOOKED_AT: ("long " * 48)[:239] + "…",
    "[pytest] 3 failed": "[pytest] 3 failed",
    "```\nassert 3 == 4\n```": "assert 3 == 4",
    '```json\n{\n"message": "no prompt"\n}\n```\nSo it is denied.': "no prompt",
    "~~~ python title\nassert 3 == 4\n~~~": "assert 3 == 4",
    "# Goal\n\nCite the file": "Cite the file",
    "## Goal": "Goal",
    "# Ship it\n\nbody": "Ship it",
    "<!-- generated -->\n<!--\nby hand\n-->\nCite the file": "Cite the file",
    "<!-- only a comment -->": "<!-- only a comment -->",
    "---\nCite the file": "Cite the file",
    "The following problems:\n- agent writer has no prompt\n- and more": "agent writer has no prompt",
    "**Verdict:**\n\n1. no prompt": "no prompt",
    "Denied for:": "Denied for:",
    "- no prompt\n- no budget": "- no prompt",
    "\x1b[31mFAILED\x1b[0m one": "FAILED one",
    "\x1b]8;;https://example.org\x07FAILED\x1b]8;;\x07 one": "FAILED one",
    "\x1b[1m\x1b[31m\n```\x1b[0m\nassert 3": "assert 3",
    "[1, 2": "[1, 2",
    "```\n```": "```",
}


@pytest.mark.parametrize("text", TOLD)
def test_the_line_says_something(text: str):
    assert telling_line(text) == TOLD[text]


def test_a_long_line_ends_in_an_ellipsis():
    assert telling_line("x" * 300) == "x" * (LINE_CHARACTERS - 1) + "…"
    assert telling_line("x" * 300, 300) == "x" * 300


PIECES = (
    "x y\n", "{", "[", '"error": "', "```\n", "# ", "<!--", "-->", "- ", ":\n", "\x1b[31m", "\x1b]", "\r", "\u2028",
    "Traceback (most recent call last):\n", "  File\n", '{"message": ', "語", "\ud800", "\\", '"', "}", "]",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join))
def test_any_text_has_one_bounded_line_and_a_text_with_words_has_one(text: str):
    line = telling_line(text)
    assert len(line) <= LINE_CHARACTERS
    assert len(line.splitlines()) <= 1
    assert line == " ".join(line.split())
    assert bool(line) == bool(without_terminal_codes(text).strip())


def test_long_texts_cost_no_more_than_their_beginnings():
    code = """
import json
from enhancelog.domain.telling_lines import telling_line
for piece in json.loads(input()):
    text = piece * (1_000_000 // len(piece))
    for _ in range(20):
        telling_line(text)
"""
    assert_ends(code, text=json.dumps(PIECES))


def test_patterns_are_of_the_telling_line():
    first, second = "KeyError: 'writer'", "AssertionError: budget exceeded"
    assert mask(TRACEBACK + first) == mask(first)
    assert mask(TRACEBACK + first) != mask(TRACEBACK + second)
    assert mask(f"\x1b[31m{first}\x1b[0m") == mask(first)
