"""Bulk appends: one result a line, limits before writing, atomic on request, and the retry-safe PUT."""

import errno
import json
import tempfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog import links
from enhancelog.domain import records
from enhancelog.domain.errors import Full, Other
from enhancelog.domain.records import Entry
from enhancelog.store.database import DatabaseEnhanceLogStore, last_position
from tests.factories import make_entry, make_fields

pytestmark = pytest.mark.django_db

FULL = OSError(errno.ENOSPC, "No space left on device")

LOG = "/v1/enhance/log"


@pytest.fixture
def writer() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", password="x", is_staff=True))
    return client


def encoded(*entries: Entry) -> bytes:
    return b"\n".join(records.encode(entry) for entry in entries)


def send(client: Client, body: bytes, query: str = "", content_type: str = "application/x-ndjson") -> Any:
    return client.post(f"{LOG}{query}", body, content_type=content_type)


def results(response: Any) -> list[tuple[int, str | None, str]]:
    body = b"".join(response) if response.streaming else response.content
    lines = [json.loads(line) for line in body.splitlines()]
    return [(line["line"], line["issue_id"], line["result"]) for line in lines]


def test_every_line_gets_its_result_in_order(writer: Client) -> None:
    send(writer, encoded(make_entry(issue_id="known")))
    body = encoded(
        make_entry(issue_id="new"),
        make_entry(issue_id="known"),
        make_entry(issue_id="known", intent="another"),
        make_entry(issue_id="new"),
    )
    response = send(writer, body + b'\n\n{"issue_id": "broken"}\n' + encoded(make_entry(issue_id="after")) + b"\n")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert results(response) == [
        (1, "new", "created"),
        (2, "known", "identical"),
        (3, "known", "conflict"),
        (4, "new", "identical"),
        (6, None, "invalid"),
        (7, "after", "created"),
    ]
    assert last_position() == 3


def test_thousands_of_lines_go_in_and_again_are_identical(writer: Client) -> None:
    body = encoded(*(make_entry(issue_id=str(number), ts_ms=number) for number in range(2500)))
    assert {result for _, _, result in results(send(writer, body))} == {"created"}
    again = results(send(writer, body))
    assert [line for line, _, _ in again] == list(range(1, 2501))
    assert {result for _, _, result in again} == {"identical"}


def test_array_is_appended_like_lines(writer: Client) -> None:
    body = json.dumps([make_fields(issue_id="a"), {"issue_id": "b"}, make_fields(issue_id="c")]).encode()
    response = send(writer, b" " + body, content_type="application/json")
    assert results(response) == [(1, "a", "created"), (2, None, "invalid"), (3, "c", "created")]


@pytest.mark.parametrize("body", [b"[", b"[}", b"[1,", b"[1] 2"])
def test_array_that_is_no_json_is_400_and_stores_nothing(writer: Client, body: bytes) -> None:
    assert send(writer, body, content_type="application/json").status_code == 400
    assert last_position() == 0


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[{},", "is not JSON: Expecting value at line 1, column 5"),
        (b"[" * 100_000, "is nested deeper than 32 levels"),
        (rb'[{}, {"intent": "\ud800"}]', "[1].intent: contains a lone surrogate, which is not a character; remove it"),
        (b"[{},\xff]", "is not UTF-8 at byte 4"),
    ],
)
def test_what_is_wrong_with_an_array_is_said_in_words(writer: Client, body: bytes, detail: str) -> None:
    response = send(writer, body, content_type="application/json")
    assert (response.status_code, response.json()["detail"]) == (400, detail)


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json"])
def test_empty_bulk_answers_nothing(writer: Client, content_type: str) -> None:
    response = send(writer, b"[]" if content_type == "application/json" else b"\n", content_type=content_type)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert results(response) == []


def test_atomic_bulk_stores_all_or_nothing(writer: Client) -> None:
    good = encoded(make_entry(issue_id="a"), make_entry(issue_id="b"))
    bad = good + b"\n" + encoded(make_entry(issue_id="a", intent="another"))
    response = send(writer, bad, "?atomic=true")
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert [result for _, _, result in results(response)] == ["skipped", "skipped", "conflict"]
    assert last_position() == 0
    response = send(writer, good + b"\nbroken", "?atomic=true")
    assert [result for _, _, result in results(response)] == ["skipped", "skipped", "invalid"]
    response = send(writer, good, "?atomic=true")
    assert (response.status_code, last_position()) == (200, 2)
    assert [result for _, _, result in results(send(writer, good, "?atomic=true"))] == ["identical", "identical"]


@pytest.mark.parametrize(
    ("setting", "value"), [("MAX_BULK_BYTES", 900), ("MAX_BULK_LINES", 1), ("MAX_ENTRY_BYTES", 100)]
)
def test_body_beyond_a_limit_is_413_and_stores_nothing(
    writer: Client, settings: Settings, setting: str, value: int
) -> None:
    setattr(settings, setting, value)
    response = send(writer, encoded(make_entry(issue_id="a"), make_entry(issue_id="b")))
    assert response.status_code == 413
    assert response.headers["Content-Type"] == "application/problem+json"
    assert last_position() == 0


@pytest.mark.parametrize(("setting", "value"), [("MAX_BULK_BYTES", 900), ("MAX_BULK_LINES", 1)])
@pytest.mark.parametrize("atomic", ["", "?atomic=true"])
def test_an_array_beyond_a_limit_is_413_and_stores_nothing(
    writer: Client, settings: Settings, setting: str, value: int, atomic: str
) -> None:
    settings.MAX_ENTRY_BYTES = 2000
    setattr(settings, setting, value)
    array = b"[%s]" % b",".join(records.encode(make_entry(issue_id=name)) for name in "ab")
    assert 900 < len(array) < 2000
    assert send(writer, array, atomic, "application/json").status_code == 413
    assert last_position() == 0


def test_a_json_body_beyond_both_limits_is_not_read(writer: Client, settings: Settings) -> None:
    settings.MAX_BULK_BYTES, settings.MAX_ENTRY_BYTES = 900, 100
    response = send(writer, b"[" + b" " * 900, content_type="application/json")
    assert response.status_code == 413
    assert "900" in response.json()["detail"]


def test_an_entry_may_be_larger_than_a_bulk_body(writer: Client, settings: Settings) -> None:
    settings.MAX_BULK_BYTES = 100
    assert send(writer, encoded(make_entry(issue_id="a")), content_type="application/json").status_code == 201


def test_blank_lines_do_not_count_as_lines(writer: Client, settings: Settings) -> None:
    settings.MAX_BULK_LINES = 2
    body = b"\n \r\n" + encoded(make_entry(issue_id="a"), make_entry(issue_id="b")) + b"\n\n\t\n"
    assert [(line, result) for line, _, result in results(send(writer, body))] == [(3, "created"), (4, "created")]


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("before", "after", "content_type"),
    [(b"", b"", "application/x-ndjson"), (b"[", b"]", "application/json"), (b" [", b"]", "application/json")],
    ids=["lines", "array", "array after a blank"],
)
@pytest.mark.parametrize("atomic", ["", "?atomic=true"])
def test_many_after_a_byte_order_mark_are_stored(
    writer: Client, before: bytes, after: bytes, content_type: str, atomic: str
) -> None:
    body = BOM + before + encoded(make_entry(issue_id="a")) + after
    assert results(send(writer, body, atomic, content_type)) == [(1, "a", "created")]


def test_one_entry_after_a_byte_order_mark_is_stored(writer: Client) -> None:
    body = BOM + encoded(make_entry(issue_id="a"))
    assert send(writer, body, content_type="application/json").status_code == 201
    assert writer.put(f"{LOG}/a", body, content_type="application/json").status_code == 200


def test_array_over_8_mib_is_413(writer: Client) -> None:
    assert send(writer, b"[" + b" " * (8 << 20) + b"]", content_type="application/json").status_code == 413


def test_bad_atomic_is_400(writer: Client) -> None:
    assert send(writer, b"", "?atomic=perhaps", content_type="application/x-ndjson").status_code in (400, 415)
    assert send(writer, b"\n", "?atomic=perhaps").json()["errors"][0]["field"] == "atomic"


def put(client: Client, issue_id: str, fields: dict[str, Any]) -> Any:
    return client.put(links.api_entry(issue_id), json.dumps(fields).encode(), content_type="application/json")


@pytest.mark.parametrize("issue_id", ["h-1", "ops/デプロイ-3 %", "x" * 512])
def test_put_is_201_then_200_then_409(writer: Client, issue_id: str) -> None:
    first = put(writer, issue_id, make_fields(issue_id=issue_id))
    again = put(writer, issue_id, make_fields(issue_id=issue_id))
    other = put(writer, issue_id, make_fields(issue_id=issue_id, intent="another"))
    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 409]
    assert first.content == again.content
    assert first.headers["ETag"] == again.headers["ETag"]
    assert other.json()["differs"] == ["intent"]


def test_put_without_the_recorded_ops_is_identical_and_answers_what_is_stored(writer: Client) -> None:
    put(writer, "h-1", make_fields(ops=[{"op": "remove", "path": "/a"}]))
    response = put(writer, "h-1", make_fields())
    assert response.status_code == 200
    assert response.json()["ops"] == [{"op": "remove", "path": "/a"}]


def test_put_with_ops_where_none_are_recorded_differs_in_them(writer: Client) -> None:
    put(writer, "h-1", make_fields())
    assert put(writer, "h-1", make_fields(ops=[])).json()["differs"] == ["ops"]


def test_put_with_the_keys_of_its_ops_in_another_order_answers_what_is_stored(writer: Client) -> None:
    stored = put(writer, "h-1", make_fields(ops=[{"op": "add", "path": "/a", "value": {"x": 1, "y": 2}}]))
    again = put(writer, "h-1", make_fields(ops=[{"value": {"y": 2, "x": 1}, "path": "/a", "op": "add"}]))
    assert (again.status_code, again.content) == (200, stored.content)
    assert again.headers["ETag"] == stored.headers["ETag"]


def test_put_of_another_id_is_400(writer: Client) -> None:
    response = put(writer, "h-2", make_fields(issue_id="h-1"))
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "issue_id"


# A disk that is full


def fails_at(attempt: int, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """Appending fails at this batch."""
    real = DatabaseEnhanceLogStore.append_batch
    attempts = 0

    def append_batch(*arguments: Any, **named: Any) -> Any:
        nonlocal attempts
        attempts += 1
        if attempts == attempt:
            raise fault
        return real(*arguments, **named)

    monkeypatch.setattr(DatabaseEnhanceLogStore, "append_batch", append_batch)


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize(("fault", "status"), [(Full("full"), 507), (Other("locked"), 503)])
def test_a_fault_between_batches_says_what_was_stored(
    writer: Client, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    fails_at(3, monkeypatch, fault)
    ids = [f"h-{number:04}" for number in range(2500)]
    told = problem(send(writer, encoded(*(make_entry(issue_id=each) for each in ids))), status)
    assert (told["stored"], told["stored_count"]) == (ids[:1000], 2000)
    assert last_position() == 2000


def test_a_fault_of_all_or_nothing_stores_nothing(writer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_at(1, monkeypatch, Full("full"))
    told = problem(send(writer, encoded(make_entry()), "?atomic=true"), 507)
    assert (told["stored"], told["stored_count"]) == ([], 0)


def test_an_answer_that_finds_no_space_says_what_was_stored(writer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def rollover(file: Any) -> None:
        raise FULL

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    ids = [f"{number:0400}" for number in range(3)]
    monkeypatch.setattr("enhancelog.transfer.bulk.IN_MEMORY", 1200)  # not enough for three results
    array = b"[" + b",".join(records.encode(make_entry(issue_id=each)) for each in ids) + b"]"
    told = problem(send(writer, array, content_type="application/json"), 507)
    assert (told["stored"], told["stored_count"]) == (ids, 3)
    assert last_position() == 3


def test_a_body_that_finds_no_space_stores_nothing(writer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def rollover(file: Any) -> None:
        raise FULL

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rollover)
    large = encoded(*(make_entry(issue_id=str(number), rationale="x" * 100_000) for number in range(4)))
    problem(send(writer, large), 507)
    assert last_position() == 0
    assert send(writer, encoded(make_entry())).status_code == 200  # needs no file


def test_meta_of_another_shape_is_an_invalid_line_alone(writer: Client) -> None:
    lines = [make_fields(issue_id="a", meta={"a": 1}), make_fields(issue_id="b", meta=[]), make_fields(issue_id="c")]
    response = send(writer, "\n".join(map(json.dumps, lines)).encode())
    assert results(response) == [(1, "a", "created"), (2, None, "invalid"), (3, "c", "created")]
