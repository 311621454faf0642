"""What every store of the enhance log promises, asked of each backend. A new backend is one more line in BACKENDS."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from django.db import connection

from enhancelog.client.async_log_store import AsyncHttpEnhanceLogStore
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain import records
from enhancelog.domain.errors import Conflict, NotFound
from enhancelog.domain.origin import Origin
from enhancelog.store import EnhanceLogStore, open_store
from enhancelog.store.memory import InMemoryEnhanceLogStore
from tests.client.blocking import Blocking
from tests.client.spooling import Delivering
from tests.factories import make_entry, make_rejected

I64_EXTREMES = (-(2**63), -1, 0, 2**63 - 1)
LONGEST_ID = "長" * 170 + "ab"  # 512 bytes
ODD_IDS = ("ops/デプロイ-3 %", "a b?c#d&e=f", "%2F", "...", "/", "'\";--", "é", "e\u0301", "🦊", LONGEST_ID)
NAMES = {"sqlite": "sqlite", "postgresql": "postgresql"}


def open_database() -> EnhanceLogStore:
    return open_store(Origin("command", "tests", "tests"))


class Backend(NamedTuple):
    """``open`` gives an empty store; opening a persistent one again finds what was stored. ``needs``: a fixture."""

    open: Callable[[], EnhanceLogStore]
    name: Callable[[], str]
    needs: str = ""


IN_MEMORY = Backend(InMemoryEnhanceLogStore, lambda: "in-memory")
DATABASE = Backend(open_database, lambda: NAMES[connection.vendor])
HTTP = Backend(HttpEnhanceLogStore, lambda: "http", needs="live_api")
ASYNC = Backend(lambda: Blocking(AsyncHttpEnhanceLogStore()), lambda: "http", needs="live_api")
SPOOLED = Backend(Delivering, lambda: "http-spooled", needs="live_api")

OVER_HTTP = [pytest.mark.django_db(transaction=True), pytest.mark.once]

BACKENDS = [
    pytest.param(IN_MEMORY, id="in-memory"),
    pytest.param(DATABASE, id="database", marks=pytest.mark.django_db),
    pytest.param(HTTP, id="http", marks=OVER_HTTP),
    pytest.param(ASYNC, id="http-async", marks=OVER_HTTP),
    pytest.param(SPOOLED, id="http-spooled", marks=OVER_HTTP),
]
PERSISTENT = [
    pytest.param(DATABASE, id="database", marks=pytest.mark.django_db(transaction=True)),
]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    if chosen.needs:
        request.getfixturevalue(chosen.needs)
    return chosen


@pytest.fixture
def store(backend: Backend) -> EnhanceLogStore:
    return backend.open()


def ids(entries: list[records.Entry]) -> list[str]:
    return [entry.issue_id for entry in entries]


def test_name_is_the_backends(backend: Backend, store: EnhanceLogStore) -> None:
    assert store.name == backend.name()


def test_append_then_get_is_equal(store: EnhanceLogStore) -> None:
    entry = make_entry()
    store.append(entry)
    assert store.get("h-1") == entry


def test_append_returns_the_digest(store: EnhanceLogStore) -> None:
    entry = make_entry()
    assert store.append(entry) == records.digest(entry)


@pytest.mark.parametrize("issue_id", ["missing", "", ".", "a\0b", "\ud800", "x" * 513, "x" * 100_000])
def test_get_of_a_missing_or_impossible_id_is_not_found(store: EnhanceLogStore, issue_id: str) -> None:
    store.append(make_entry())
    with pytest.raises(NotFound) as refusal:
        store.get(issue_id)
    assert refusal.value.issue_id == issue_id


def test_get_tells_ids_apart_by_their_bytes(store: EnhanceLogStore) -> None:
    store.append(make_entry(issue_id="Straße"))
    for near in ("straße", "STRASSE", "Strasse", "Straße ", "Straße\u200b"):
        with pytest.raises(NotFound):
            store.get(near)


def test_append_of_the_same_entry_is_conflict(store: EnhanceLogStore) -> None:
    store.append(make_entry())
    with pytest.raises(Conflict) as refusal:
        store.append(make_entry())
    assert (refusal.value.issue_id, refusal.value.identical, refusal.value.differs) == ("h-1", True, ())
    assert store.list_all() == [make_entry()]


def test_append_of_another_entry_under_the_id_is_conflict_and_changes_nothing(store: EnhanceLogStore) -> None:
    first = make_entry(ops=[{"op": "remove", "path": "/a"}], bump="minor")
    store.append(first)
    with pytest.raises(Conflict) as refusal:
        store.append(make_rejected("noop", ts_ms=5, blueprint_id="other", intent="again"))
    assert refusal.value.identical is False
    assert {"intent", "status", "ts_ms"} <= set(refusal.value.differs)
    assert records.encode(store.get("h-1")) == records.encode(first)
    assert store.list_by_blueprint("other") == []


def test_append_without_ops_of_an_entry_stored_with_them_is_identical(store: EnhanceLogStore) -> None:
    store.append(make_entry(ops=[], bump="patch"))
    with pytest.raises(Conflict) as refusal:
        store.append(make_entry())
    assert refusal.value.identical is True


def test_append_with_the_keys_of_its_ops_in_another_order_is_identical(store: EnhanceLogStore) -> None:
    first = make_entry(ops=[{"op": "add", "path": "/a", "value": {"x": 1, "y": [2.0]}}])
    store.append(first)
    with pytest.raises(Conflict) as refusal:
        store.append(make_entry(ops=[{"value": {"y": [2], "x": 1}, "path": "/a", "op": "add"}]))
    assert (refusal.value.identical, refusal.value.differs) == (True, ())
    assert records.encode(store.get("h-1")) == records.encode(first)
    with pytest.raises(Conflict) as refusal:
        store.append(make_entry(ops=[{"op": "add", "path": "/a", "value": {"x": True, "y": [2.0]}}]))
    assert refusal.value.differs == ("ops",)


def test_append_with_ops_of_an_entry_stored_without_them_differs_in_ops(store: EnhanceLogStore) -> None:
    store.append(make_entry())
    with pytest.raises(Conflict) as refusal:
        store.append(make_entry(ops=[]))
    assert refusal.value.differs == ("ops",)


def test_list_by_blueprint_filters_and_sorts_by_time(store: EnhanceLogStore) -> None:
    for issue_id, blueprint_id, ts_ms in [("c", "main", 30), ("a", "main", 10), ("x", "other", 15), ("b", "main", 20)]:
        store.append(make_entry(issue_id=issue_id, blueprint_id=blueprint_id, ts_ms=ts_ms))
    assert ids(store.list_by_blueprint("main")) == ["a", "b", "c"]
    assert ids(store.list_by_blueprint("other")) == ["x"]


def test_list_all_sorts_by_time_over_all_blueprints(store: EnhanceLogStore) -> None:
    for number, ts_ms in enumerate((3, -5, 2**63 - 1, 0, -(2**63))):
        store.append(make_entry(issue_id=str(ts_ms), blueprint_id=str(number), ts_ms=ts_ms))
    assert [entry.ts_ms for entry in store.list_all()] == [-(2**63), -5, 0, 3, 2**63 - 1]


def test_ties_keep_append_order(store: EnhanceLogStore) -> None:
    for issue_id in ("b", "z", "a", "m"):
        store.append(make_entry(issue_id=issue_id, ts_ms=7))
    assert ids(store.list_all()) == ["b", "z", "a", "m"]
    assert ids(store.list_by_blueprint("main")) == ["b", "z", "a", "m"]


def test_an_empty_log_lists_nothing(store: EnhanceLogStore) -> None:
    assert store.list_all() == []


@pytest.mark.parametrize("blueprint_id", ["unknown", "Main", "main ", ".", "a\0", "\udfff", "x" * 513])
def test_an_unknown_or_impossible_blueprint_lists_as_empty(store: EnhanceLogStore, blueprint_id: str) -> None:
    store.append(make_entry())
    assert store.list_by_blueprint(blueprint_id) == []


def test_the_empty_blueprint_id_is_one_of_its_own(store: EnhanceLogStore) -> None:
    store.append(make_entry(issue_id="a", blueprint_id=""))
    store.append(make_entry(issue_id="b"))
    assert ids(store.list_by_blueprint("")) == ["a"]


def test_a_rejected_entry_keeps_status_reasons_and_the_empty_hash(store: EnhanceLogStore) -> None:
    entry = make_rejected("des", "noop", "licence", detail="no: because\nof two lines")
    store.append(entry)
    stored = store.get("h-1")
    assert (stored.status, stored.new_hash) == ("rejected", "")
    assert stored.reasons == tuple(f"{axis}: no: because\nof two lines" for axis in ("des", "noop", "licence"))
    assert stored.verdicts == entry.verdicts


def test_empty_verdicts_round_trip(store: EnhanceLogStore) -> None:
    store.append(make_entry(verdicts=[]))
    assert store.get("h-1").verdicts == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two\nlines\r\nand\ttabs\r",
        "# Markdown\n\n| a | b |\n",
        "日本語 ünïcödé 🦊 \u202e\u200b\ufeff",
        "\x01\x1b\x7f\x85\u2028\uffff\U0010ffff",
        "e\u0301 é \ufb01",
        "\\u0000 \\x00 %s %(a)s {0} ${x} \\ ' \" \\N \\. --",
        " leading and trailing ",
    ],
)
def test_text_round_trips_byte_for_byte_in_every_field(store: EnhanceLogStore, text: str) -> None:
    entry = make_entry(
        prev_hash=text,
        new_hash=text,
        intent=text,
        rationale=text,
        reasons=[text, text],
        verdicts=[{"axis": "des", "status": "deny", "detail": text}],
        ops=[{"op": "add", "path": "/" + text, "value": {text: [text, 1.10, 12345678901234567890]}}],
    )
    store.append(entry)
    assert records.encode(store.get("h-1")) == records.encode(entry)
    assert records.encode(store.list_by_blueprint("main")[0]) == records.encode(entry)


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_round_trip_as_issue_blueprint_and_axis(store: EnhanceLogStore, odd: str) -> None:
    entry = make_rejected(odd, issue_id=odd, blueprint_id=odd)
    store.append(entry)
    assert store.get(odd) == entry
    assert store.list_by_blueprint(odd) == [entry]


@pytest.mark.parametrize("ts_ms", I64_EXTREMES)
def test_every_i64_round_trips_as_time(store: EnhanceLogStore, ts_ms: int) -> None:
    store.append(make_entry(ts_ms=ts_ms))
    assert store.get("h-1").ts_ms == ts_ms


@pytest.mark.parametrize(
    "odd",
    [
        {"status": "rejected"},
        {"reasons": ["nobody: said so"]},
        {"prev_hash": "not a hash", "new_hash": ""},
        {"verdicts": [{"axis": "a", "status": "deny", "detail": ""}, {"axis": "a", "status": "pass", "detail": ""}]},
    ],
)
def test_an_inconsistent_entry_is_stored_as_it_is(store: EnhanceLogStore, odd: dict[str, object]) -> None:
    entry = make_entry(**odd)
    store.append(entry)
    assert store.get("h-1") == entry


def test_ops_keep_key_order_and_the_writing_of_numbers(store: EnhanceLogStore) -> None:
    body = (
        records.encode(make_entry())[:-1]
        + b', "ops" : [ {"value": {"b": 1.50, "a": 1E2, "c": "x  y"}, "op":"add","path":""} ]}'
    )
    store.append(records.decode(body))
    ops = store.get("h-1").ops
    assert bytes(ops) == b'[{"value":{"b":1.50,"a":1E2,"c":"x  y"},"op":"add","path":""}]'  # type: ignore[arg-type]


def test_what_else_was_recorded_comes_back_as_it_was(store: EnhanceLogStore) -> None:
    said = b', "candidate_hash": "c 1", "meta": {"b" : 1.50, "a.c-D_": "x  \\u0079\\n", "n": 1E2, "t": true} }'
    entry = records.decode(records.encode(make_entry())[:-1] + said)
    assert store.append(entry) == records.digest(entry)
    (listed,) = store.list_all()
    for found in (store.get("h-1"), listed):
        assert records.encode(found) == records.encode(entry)
        assert bytes(found.meta) == b'{"b":1.50,"a.c-D_":"x  \\u0079\\n","n":1E2,"t":true}'  # type: ignore[arg-type]


def test_meta_is_compared_as_json_and_may_be_absent(store: EnhanceLogStore) -> None:
    store.append(make_entry(candidate_hash="c", meta={"seed": 1, "model": "m"}))
    for same in (make_entry(), make_entry(candidate_hash="c", meta={"model": "m", "seed": 1.0})):
        with pytest.raises(Conflict) as refusal:
            store.append(same)
        assert refusal.value.identical
    with pytest.raises(Conflict) as refusal:
        store.append(make_entry(candidate_hash="d", meta={"model": "m", "seed": "1"}))
    assert refusal.value.differs == ("candidate_hash", "meta")


@pytest.mark.parametrize("backend", PERSISTENT)
def test_entries_survive_a_reopen(backend: Backend) -> None:
    entry = make_rejected("noop", issue_id="ops/デプロイ-3 %")
    backend.open().append(entry)
    connection.close()
    assert backend.open().list_all() == [entry]
