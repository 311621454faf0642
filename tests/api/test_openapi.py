"""The API's description: current, whole, with examples that obey it, and readable by people under the CSP."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django.fixtures import Settings
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from content.kinds import KINDS
from enhancelog.api.openapi import document

ROOT = Path(__file__).resolve().parent.parent.parent
METHODS = {"get", "post", "put", "delete", "patch"}
NOT_DESCRIBED = {"/v1/docs/", "/v1/enhance/log/"}  # a page, and a path on which nothing ever is

OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


def routes(resolver: URLResolver, prefix: str = "/") -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pattern in resolver.url_patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            found |= routes(pattern, path)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None)
            found[path] = {name for name in METHODS if hasattr(view, name)}
    return found


def test_committed_document_is_current() -> None:
    committed = json.loads((ROOT / "docs/openapi.json").read_text())
    assert committed == json.loads(json.dumps(document())), "write it anew: python3 manage.py write_openapi"


def test_every_route_and_method_is_described() -> None:
    served = {
        path: methods
        for path, methods in routes(get_resolver()).items()
        if path.startswith("/v1/") and path not in NOT_DESCRIBED
    }
    assert {path: set(methods) for path, methods in document()["paths"].items()} == served


@pytest.mark.parametrize("name", document()["components"]["schemas"])
def test_a_generated_client_can_have_a_type_of_this_name(name: str) -> None:
    schema = document()["components"]["schemas"][name]
    assert schema.get("title", name) == name
    variable = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    taken = {variable, "d", "T", "cls", "self", "src_dict", "field_dict"}  # openapi-python-client's own, in from_dict
    assert not taken & schema.get("properties", {}).keys()


def test_every_part_is_named_and_used() -> None:
    whole = document()
    used = set(re.findall(r'"#/components/(\w+/\w+)"', json.dumps(whole)))
    parts = {f"{kind}/{name}" for kind, named in whole["components"].items() for name in named}
    assert used == {part for part in parts if not part.startswith("securitySchemes/")}


def test_only_counters_can_be_incremented() -> None:
    kinds = document()["components"]["schemas"]["CounterKind"]["enum"]
    assert kinds == [kind.name for kind in KINDS.values() if kind.codec.name == "counter"]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_answers_that_any_request_can_get_are_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert {"401", "403", "405", "414", "429", "431"} <= operation["responses"].keys()
    named = {parameter["name"] for parameter in operation["parameters"]}
    conditional = {"If-Match", "If-None-Match"} <= named
    assert ("412" in operation["responses"]) == ("If-Match" in named)
    assert ("304" in operation["responses"]) == (conditional and method == "get")


@pytest.mark.parametrize("name", [name for name, header in document()["components"]["headers"].items()])
def test_headers_say_what_they_look_like(name: str) -> None:
    schema = document()["components"]["headers"][name]["schema"]
    assert "pattern" in schema if schema["type"] == "string" else "minimum" in schema


def validator(schema: Any) -> Any:
    resource: Resource[Any] = DRAFT202012.create_resource(document())
    return jsonschema.Draft202012Validator(
        {"$id": "urn:example", **rebased(schema)}, registry=Registry[Any]().with_resource("urn:document", resource)
    )


def rebased(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: f"urn:document{value}" if key == "$ref" else rebased(value) for key, value in schema.items()}
    return [rebased(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_has_examples_that_obey_their_schemas(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    shown = [*operation.get("requestBody", {}).get("content", {}).values()]
    for response in operation["responses"].values():
        shown += response.get("content", {}).values()
    assert shown or "204" in operation["responses"]
    for content in shown:
        validator(content["schema"]).validate(content["example"])
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            validator(parameter["schema"]).validate(parameter["example"])


@pytest.mark.django_db
def test_document_and_page_are_for_readers(client: Client, settings: Settings) -> None:
    assert client.get("/v1/openapi.json").status_code == 401
    assert client.get("/v1/docs/").status_code == 302
    settings.PUBLIC_READ = True
    assert client.get("/v1/openapi.json").json()["openapi"] == "3.1.0"
    policy = client.get("/v1/docs/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
