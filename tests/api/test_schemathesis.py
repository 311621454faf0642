"""Requests made up from the API's own description: answers conform to it, bad data is refused, good data is taken."""

import json
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from pytest_django.fixtures import Settings
from schemathesis import Case
from schemathesis.openapi import from_dict
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from content.store import open_store
from enhancelog.accounts import api_tokens
from enhancelog.api.concurrency_limits import Slots
from enhancelog.api.openapi import document
from enhancelog.domain.origin import Origin
from enhancelog.store import evidence
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.conftest import DATABASE
from tests.evidence.logs import KEY
from tests.factories import make_entry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

DESCRIPTION = document()
OPERATIONS = [f"{method.upper()} {path}" for path, methods in DESCRIPTION["paths"].items() for method in methods]

schema = from_dict(DESCRIPTION)
schema.app = get_wsgi_application()  # without the worker that a server has beside it
schema.config.generation.update(with_security_parameters=False)  # every request carries a good token

EXCLUDED = (
    ({"cursor"}, "a cursor is one that an earlier page gave out"),
    ({"etag"}, "the generator takes the quotes from an entity tag"),
    ({"path"}, "the id in the body is the one in the path"),
    ({"id-length"}, "an id is measured in bytes, a schema's string in characters"),
    ({"value"}, "what a value may be depends on the kind in the path"),
    ({"by", "ts_ms", "not_before_ms", "not_after_ms", "snoozed_until_ms"}, "to a schema 1.0 is an integer"),
    ({"most_a_day", "undo", "float"}, "likewise"),
    ({"terms", "beginning"}, "a phrase is measured in words"),
    ({"combination"}, "parameters that go with some others only are 400 with the rest"),
    ({"title"}, "a title is one printable line"),
    ({"name"}, "a name is one printable line without space at its ends"),
    ({"url", "address", "view"}, "what a message can be sent to, and which views there are, no schema knows"),
    ({"option", "zone"}, "which options an event has depends on the event; no pattern knows the time zones"),
    ({"against", "matching", "not_matching"}, "no schema describes the filter in a text"),
    ({"reversed"}, "no pattern compares the ends of a range"),
    ({"nonexistent"}, "no pattern knows the days of a month or the range of i64"),
    ({"count"}, "a filter's values are counted over all parameters"),
    ({"checkpoint"}, "no schema knows how large the tree is"),
    ({"seed", "denied"}, "what is stored decides which denials there are, and how far a seed may reach"),
    ({"nul"}, "U+0000 is refused in fields too that no schema names"),
    ({"412", "422"}, "what is stored decides, not what is sent"),
    ({"413"}, "what is too large is not looked at"),
    ({"application/x-ndjson"}, "any text is a bulk body; each line is judged by itself"),
    ({"array"}, "each entry of an array is judged by itself"),
    ({"/v1/triage/import"}, "no schema says what the parts of a file say about each other"),
)
"""Rules, fields, statuses and media types of answers that a schema would call wrong, and why they are right."""


@schemathesis.serializer("application/x-ndjson")
def as_lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace")


@pytest.fixture
def headers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of a token that may do everything, in a store that holds a little."""
    settings.PUBLIC_READ = False
    settings.THROTTLE_APPEND = settings.THROTTLE_BULK = settings.THROTTLE_READ = None
    # Its client leaves streams open.
    monkeypatch.setattr("enhancelog.api.streams_and_polls.streams", Slots(100_000, workers=1))
    origin = Origin("command", "test", "api")
    DatabaseEnhanceLogStore(origin).append_batch([make_entry(issue_id=str(number)) for number in range(3)])
    open_store(origin).write("1089_story", "story", "# Title")
    settings.EVIDENCE_KEY = KEY.secret_text
    evidence.step([KEY])
    owner = User.objects.create_user("ada", is_staff=True)
    _, secret = api_tokens.make(api_tokens.Wanted("agent", api_tokens.SCOPES), owner, "ada")
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_conform_to_the_description(operation: str, headers: dict[str, str]) -> None:
    # Thousands of requests, on both sides of each limit of a schema. No database decides which are refused.
    schema.config.phases.coverage.enabled = DATABASE == "sqlite"
    examples = settings(
        max_examples=settings.default.max_examples // (2 if DATABASE == "sqlite" else 3),
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    # Not ``schema.parametrize``: it makes up all requests at collection, in every worker.
    (made,) = get_all_tests(
        schema=schema.include(name=operation), test_func=conform, settings=examples, given_kwargs=None
    )
    _, test = made.ok()
    test(headers=headers)


def conform(case: Case[Any], headers: dict[str, str]) -> None:
    response = case.call(headers=headers | {"Accept-Encoding": "identity"})  # it cannot decode other codings
    excluded: list[Any] = [positive_data_acceptance, negative_data_rejection] if is_excluded(case, response) else []
    case.validate_response(response, excluded_checks=excluded, headers=headers)


def is_excluded(case: Case[Any], response: schemathesis.Response) -> bool:
    said = {str(response.status_code), case.media_type}
    if isinstance(case.body, list):
        said.add("array")
    if response.status_code == 400:
        said.add(case.path)
        for error in json.loads(response.content).get("errors", []):
            said |= {error["rule"], error["field"]}
            if 'got "float"' in error["detail"]:
                said.add("float")
    return any(said & excluded for excluded, _ in EXCLUDED)
