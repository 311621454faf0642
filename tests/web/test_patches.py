"""A recorded patch as something to read."""

import pytest
from msgspec import UNSET

from enhancelog.web.patches import SHOWN_CHARACTERS, SHOWN_OPERATIONS, SHOWN_POINTER, patch
from tests import limited
from tests.factories import make_entry, make_rejected


def operation(**fields):
    return patch(make_entry(ops=[fields])).operations[0]


def texts(change):
    return [line.text for line in change.lines]


def marked(change):
    """The lines with their marks; changed words in brackets."""
    return [
        line.mark + "".join(f"[{text}]" if is_changed else text for text, is_changed in line.segments)
        for line in change.lines
    ]


def test_absent_is_not_empty():
    assert patch(make_entry()) is None
    assert patch(make_entry(ops=[])).total == 0


def test_text_is_shown_as_its_lines():
    shown = operation(op="add", path="/a", value="one\n  two")
    assert (shown.op, shown.path, shown.long, shown.start) == ("add", "/a", False, "one")
    assert marked(shown) == ["+one", "+  two"]


def test_other_values_are_json_with_their_order():
    assert texts(operation(op="replace", path="/a", value={"z": [1, 2.50], "a": None})) == [
        "{",
        '  "z": [',
        "    1,",
        "    2.5",
        "  ],",
        '  "a": null',
        "}",
    ]


def test_falsy_values_are_shown():
    assert marked(operation(op="add", path="/a", value="")) == ['+""']
    assert marked(operation(op="add", path="/a", value=None)) == ["+null"]
    assert marked(operation(op="add", path="/a", value=0)) == ["+0"]


def test_remove_has_no_value_and_test_brings_none_in():
    assert operation(op="remove", path="/a").lines == []
    assert marked(operation(op="test", path="/a", value=1)) == [" 1"]


def test_copy_names_its_source():
    assert operation(op="copy", path="/a", **{"from": ""}).source == "(the whole document)"


def test_long_values_are_folded_and_longer_ones_cut():
    assert operation(op="add", path="/a", value="\n" * 20).long
    assert operation(op="add", path="/a", value="x" * 2_000).long
    cut = operation(op="add", path="/a", value="x" * (SHOWN_CHARACTERS + 1))
    assert cut.cut
    assert len(cut.lines[0].text) == SHOWN_CHARACTERS


def test_long_pointers_are_cut():
    shown = operation(op="move", path="/" + "a" * 10_000, **{"from": "/" + "b" * 10_000})
    assert (len(shown.path), len(shown.source)) == (SHOWN_POINTER, SHOWN_POINTER)
    assert shown.path.endswith("…")


def test_many_operations_are_counted():
    many = patch(make_entry(ops=[{"op": "remove", "path": f"/{n}"} for n in range(SHOWN_OPERATIONS + 7)]))
    assert (len(many.operations), many.left_out) == (SHOWN_OPERATIONS, 7)


PROMPT = "You write notes.\nBe short.\nAnswer in English."
DOCUMENT = {"agents": [{"prompt": PROMPT}, {"prompt": "b"}], "tags": ["x", "y"], "a/b": {"c~d": 1}}


def changes(*operations, document=DOCUMENT):
    return [marked(change) for change in patch(make_entry(ops=list(operations)), document).operations]


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def test_changed_words_are_marked_and_other_lines_neutral():
    assert changes(replace("/agents/0/prompt", PROMPT.replace("short", "very <brief>"))) == [
        [
            " You write notes.",
            "-Be [short].",
            "+Be [very <brief>].",
            " Answer in English.",
        ]
    ]


def test_old_value_comes_from_the_kept_document_by_escaped_pointers():
    assert changes(replace("/a~1b/c~0d", 2)) == [["-1", "+2"]]
    assert changes({"op": "remove", "path": "/tags/1"}) == [["-y"]]
    assert changes({"op": "add", "path": "/tags", "value": 1})[0][0] == "-["


def test_old_value_comes_from_a_test_before():
    test = {"op": "test", "path": "/x", "value": "old"}
    assert changes(test, replace("/x", "new"), document=UNSET) == [[" old"], ["-old", "+new"]]


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ({"op": "remove", "path": "/agents/0"}, "/agents/1/prompt"),
        ({"op": "add", "path": "/agents/-", "value": {}}, "/agents/1/prompt"),
        ({"op": "move", "from": "/tags", "path": "/labels"}, "/tags"),
        (replace("/agents", []), "/agents/1/prompt"),
        (replace("/agents/1/prompt", "c"), "/agents"),
    ],
)
def test_old_value_is_unknown_where_an_operation_before_may_have_changed_it(before, path):
    assert all(line.startswith("+") for line in changes(before, replace(path, "new"))[1])
    assert any(line.startswith("-") for line in changes(replace("/unrelated", 1), replace(path, "new"))[1])


@pytest.mark.parametrize(
    "path", ["/nowhere", "/agents/7/prompt", "/agents/-1", "/agents/x", "/tags/0/deeper", "/agents/01"]
)
def test_pointer_that_leads_nowhere_shows_the_new_value_alone(path):
    assert changes(replace(path, "new")) == [["+new"]]


def test_same_value_again_is_neutral():
    assert changes(replace("/tags/0", "x")) == [[" x"]]


def test_only_the_very_pointer_that_a_reason_names_is_marked():
    detail = "possible credential at /agents/1/prompt line 3; see (/tags). Not /agents/10 nor /a/b.md."
    paths = ["/agents/1/prompt", "/agents/1", "/tags", "/agents/1/prompt/x", "/agents/10/x", "/a/b", "/gents/1", ""]
    entry = make_rejected("secrets", detail=detail, ops=[{"op": "remove", "path": path} for path in paths])
    marked = [change.path for change in patch(entry).operations if change.denied_by == ["secrets"]]
    assert marked == ["/agents/1/prompt", "/tags"]


def test_evidence_of_a_pass_marks_nothing():
    verdicts = [{"axis": "des", "status": "pass", "detail": "/a is fine"}]
    assert patch(make_entry(verdicts=verdicts, ops=[{"op": "remove", "path": "/a"}])).operations[0].denied_by == []


def test_pointers_are_looked_for_at_a_bounded_price():
    limited.assert_ends(
        """
import django
django.setup()
from tests.factories import make_entry
from enhancelog.web.patches import patch
said = [{"axis": f"a{n}", "status": "deny", "detail": "./" * 4_000} for n in range(100)]
ops = [{"op": "remove", "path": "/." * (n + 100)} for n in range(100)]
assert len(patch(make_entry(verdicts=said, ops=ops)).operations) == 100
"""
    )
