"""A recorded patch as something to read."""

from enhancelog.web.patches import SHOWN_CHARACTERS, SHOWN_OPERATIONS, patch
from tests.factories import make_entry


def operation(**fields):
    return patch(make_entry(ops=[fields])).operations[0]


def test_absent_is_not_empty():
    assert patch(make_entry()) is None
    assert patch(make_entry(ops=[])).total == 0


def test_text_is_shown_as_its_lines():
    shown = operation(op="add", path="/a", value="one\n  two")
    assert (shown.op, shown.path, shown.kind, shown.lines, shown.long) == ("add", "/a", "ins", ["one", "  two"], False)


def test_other_values_are_json_with_their_order():
    assert operation(op="replace", path="/a", value={"z": [1, 2.50], "a": None}).lines == [
        "{",
        '  "z": [',
        "    1,",
        "    2.5",
        "  ],",
        '  "a": null',
        "}",
    ]


def test_falsy_values_are_shown():
    assert operation(op="add", path="/a", value="").lines == ['""']
    assert operation(op="add", path="/a", value=None).lines == ["null"]
    assert operation(op="add", path="/a", value=0).lines == ["0"]


def test_remove_has_no_value_and_test_brings_none_in():
    assert operation(op="remove", path="/a").lines == []
    assert operation(op="test", path="/a", value=1).kind == "is"


def test_copy_names_its_source():
    assert operation(op="copy", path="/a", **{"from": ""}).source == "(the whole document)"


def test_long_values_are_folded_and_longer_ones_cut():
    assert operation(op="add", path="/a", value="\n" * 20).long
    assert operation(op="add", path="/a", value="x" * 2_000).long
    cut = operation(op="add", path="/a", value="x" * (SHOWN_CHARACTERS + 1))
    assert cut.cut
    assert len(cut.lines[0]) == SHOWN_CHARACTERS


def test_many_operations_are_counted():
    many = patch(make_entry(ops=[{"op": "remove", "path": f"/{n}"} for n in range(SHOWN_OPERATIONS + 7)]))
    assert (len(many.operations), many.left_out) == (SHOWN_OPERATIONS, 7)
