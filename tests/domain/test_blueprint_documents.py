"""A Blueprint's document as a value: what hosts write, and YAML that is meant to harm."""

import json
import sqlite3
from contextlib import closing

import pytest

from enhancelog.domain import blueprint_documents
from enhancelog.domain.blueprint_documents import Unreadable
from tests.processes import RECORDED_HOST

OUTPUTS = RECORDED_HOST / "output.db"


def test_every_recorded_document_is_the_host_s_json() -> None:
    with closing(sqlite3.connect(f"file:{OUTPUTS}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT event_json FROM outputs WHERE producer_agent = 'patch-applier'").fetchall()
    values = [json.loads(row[0])["content"]["value"] for row in rows]
    assert len(values) == 150
    for value in values:
        assert blueprint_documents.parse(value["new_bp_yaml"], "yaml") == value["new_bp_json"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [1]\nb: *a", "aliases"),
        ("[" * 100_000, "50 levels"),
        ("- " * 90_000, "50 levels"),
        ("[" + "1," * 90_000 + "]", "values"),
        ("!!python/object:os.system x", "tags"),
        ('a: !!int "' + "1:" * 9_000 + '1"', "tags"),
        ("? [a]\n: b", "valid"),
        ("a: 1\n---\nb: 2", "valid"),
        ("{" * 40 + "}" * 40, "valid"),
        ("x" * 200_001, "characters"),
    ],
)
def test_a_hostile_document_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        blueprint_documents.parse(text, "yaml")


@pytest.mark.parametrize("text", ["2024-01-01", "1:1:1", "0777", "0x1F", "yes", "1_000", "9" * 5_000, "<<"])
def test_what_is_no_number_in_yaml_1_2_stays_text(text: str) -> None:
    assert blueprint_documents.parse(f"a: {text}", "yaml") == {"a": text}


def test_items_of_lists_are_named() -> None:
    document = {"agents": [{"name": "reader"}, {"name": "a/b", "profile": {}}, {}]}
    tokens = blueprint_documents.tokens("/agents/1/profile/x~1y")
    assert tokens == ["agents", "1", "profile", "x/y"]
    assert blueprint_documents.pointer(blueprint_documents.named(document, tokens)) == "/agents/a~1b/profile/x~1y"
    assert blueprint_documents.named(document, ["agents", "2"]) == ["agents", "2"]
    assert blueprint_documents.named(document, ["agents", "-"]) == ["agents", "-"]
    assert blueprint_documents.named("text", ["a", "0"]) == ["a", "0"]


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("a: {}\nb: []", {"a": {}, "b": []}), ("- - 1\n- x", [[1], "x"])]
)
def test_empty_documents_and_nested_collections_are_read(text: str, value: object) -> None:
    assert blueprint_documents.parse(text, "yaml") == value


def test_keys_are_text_as_pointers_need() -> None:
    assert blueprint_documents.parse("1: a\nnull: b\ntrue: c", "yaml") == {"1": "a", "null": "b", "true": "c"}


def test_a_key_that_is_given_twice_is_refused() -> None:
    with pytest.raises(Unreadable, match="valid"):
        blueprint_documents.parse("a: 1\na: 2", "yaml")


@pytest.mark.parametrize(
    ("text", "reason"), [("[" * 60 + "]" * 60, "50 levels"), ("[" + "1," * 90_000 + "1]", "values"), ("{", "valid")]
)
def test_hostile_json_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        blueprint_documents.parse(text, "json")


def test_a_number_beyond_all_floats_stays_text() -> None:
    assert blueprint_documents.parse("a: 1e999", "yaml") == {"a": "1e999"}
