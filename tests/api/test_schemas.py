"""``/v1/schemas/entry.json``: a JSON Schema that stands alone and says what an append accepts."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.test import Client
from hypothesis import given
from pytest_django.fixtures import Settings

from enhancelog.api.openapi import document
from enhancelog.api.openapi.standalone import standalone
from enhancelog.domain import records
from enhancelog.domain.records import Entry
from tests.factories import make_fields
from tests.strategies import entries

SCHEMA = standalone("Entry", document()["components"]["schemas"], "https://log.example.org/v1/schemas/entry.json")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.django_db
def test_it_is_served_under_its_own_id(client: Client, settings: Settings) -> None:
    settings.PUBLIC_READ = True
    settings.PUBLIC_ORIGIN = "https://log.example.org"
    response = client.get("/v1/schemas/entry.json")
    assert response.headers["Content-Type"] == "application/schema+json"
    assert response.json() == json.loads(json.dumps(SCHEMA))
    assert response.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_is_a_schema_without_references_to_elsewhere() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert "#/components/" not in json.dumps(SCHEMA)


@given(entries())
def test_it_accepts_every_entry(entry: Entry) -> None:
    VALIDATOR.validate(json.loads(records.encode(entry)))


@pytest.mark.parametrize(
    "changes",
    [
        {"issue_id": ""},
        {"status": "passed"},
        {"verdicts": [{"axis": "noop", "status": "deny"}]},
        {"ts_ms": "now"},
        {"ops": [{"op": "move", "path": "/a"}]},
        {"ops": [{"op": "test", "path": "a", "value": 1}]},
        {"intent": "\0"},
        {"candidate_hash": 1},
        {"meta": []},
        {"meta": {"a": None}},
        {"meta": {"a": {}}},
        {"meta": {"a b": 1}},
        {"meta": {"x" * 65: 1}},
        {"meta": {"a": "\0"}},
        {"meta": {f"k{number}": 1 for number in range(65)}},
    ],
)
def test_it_refuses_what_an_append_refuses(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(make_fields(**changes))
