"""Which places an entry's patch touches follows from what is stored, in whatever order it came."""

import json
from typing import Any

import pytest
from blake3 import blake3
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from enhancelog.domain import observed as records
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry, HostJoin, Patch, Touch, TouchAwaiting, TouchDerivation, TouchPending
from enhancelog.store import host_derivation, observed, touch_derivation, touch_rows
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.factories import HASHES, make_entry, make_rejected
from tests.host.observed import make_patch, read_tables

pytestmark = pytest.mark.django_db

YAML = "agents:\n- name: writer\n- name: reviewer\n"
OTHER = "agents:\n- name: writer\n- name: tester\n"
HASH, OTHER_HASH = (blake3(text.encode()).hexdigest() for text in (YAML, OTHER))
JSON = '{"agents":[{"name":"writer"}]}'


def ops(*paths: str) -> list[dict[str, Any]]:
    return [{"op": "remove", "path": path} for path in paths]


def raw(*paths: str) -> Raw:
    return Raw(json.dumps(ops(*paths), separators=(",", ":")).encode())


def keep_document(text: str = YAML, json: str = "", source: str = "a") -> None:
    hash = blake3(text.encode()).hexdigest()
    document = records.Document(hash=hash, form="json" if json else "yaml", text=json or text)
    observed.keep(source, Found(documents=[Seen("main", document)]))


def touched(issue: int = 1) -> dict[str, tuple[int, int]]:
    rows = Touch.objects.filter(entry_id=issue).values_list("place", "patch", "document")
    return {place: (patch, document) for place, patch, document in rows}


def append(source: str, *entries: Any) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", source)).append_batch(list(entries))


def test_own_operations_are_derived_where_no_host_was_imported() -> None:
    append("a", make_entry(issue_id="h-1"), make_rejected(issue_id="h-2", ops=ops("/agents/1/profile")))
    assert not host_derivation.is_done()
    host_derivation.settle()
    assert host_derivation.is_done()
    assert touched(2) == {"/agents": (0, 0), "/agents/1": (0, 0), "/agents/1/profile": (0, 0)}
    row = Touch.objects.get(entry_id=2, place="/agents/1/profile")
    assert (row.blueprint_id, row.ts_ms, row.rejected, row.is_whole) == ("main", 1_795_000_000_000, True, True)
    assert TouchAwaiting.objects.count() == 1
    assert not HostJoin.objects.exists()


def test_a_log_without_operations_derives_nothing() -> None:
    append("a", make_entry())
    assert host_derivation.is_done()
    assert not host_derivation.step()
    assert not TouchDerivation.objects.exists()


def test_a_patch_of_a_host_counts_where_the_append_carried_none() -> None:
    append("a", make_entry(issue_id="h-1"), make_entry(issue_id="h-2", prev_hash=HASHES[4], ops=ops("/own")))
    run = {"prev_hash": HASHES[4]}
    observed.keep("a", Found(patches=[make_patch(ops=raw("/a/b")), make_patch(ops=raw("/other"), seq=3, **run)]))
    host_derivation.settle()
    assert touched(1) == {"/a": (1, 0), "/a/b": (1, 0)}
    assert touched(2) == {"/own": (0, 0)}


def test_touches_go_when_their_patch_becomes_ambiguous() -> None:
    append("a", make_entry())
    observed.keep("b", Found(patches=[make_patch(ops=raw("/a"))]))
    host_derivation.settle()
    assert touched() == {"/a": (1, 0)}
    observed.keep("c", Found(patches=[make_patch(ops=raw("/b"))]))
    host_derivation.settle()
    assert touched() == {}
    assert list(verify()) == []


def test_names_are_added_when_the_document_before_comes() -> None:
    append("a", make_entry(prev_hash=HASH, ops=ops("/agents/1")))
    host_derivation.settle()
    keep_document(json=JSON)
    host_derivation.settle()
    assert touched() == {"/agents": (0, 0), "/agents/1": (0, 0)}
    assert list(TouchAwaiting.objects.values_list("is_missing", flat=True)) == [False]
    keep_document()
    host_derivation.settle()
    assert touched() == {"/agents": (0, 0), "/agents/1": (0, 0), "/agents/reviewer": (0, 2)}
    assert not TouchAwaiting.objects.exists()
    assert host_derivation.is_done()


@pytest.mark.parametrize("text", ["a: *b", "x" * 200_001, "agents: {"])
def test_an_unreadable_document_gives_no_names(text: str) -> None:
    keep_document(text)
    append("a", make_entry(prev_hash=blake3(text.encode()).hexdigest(), ops=ops("/agents/1")))
    host_derivation.settle()
    assert touched() == {"/agents": (0, 0), "/agents/1": (0, 0)}
    assert not TouchAwaiting.objects.exists()


def test_many_that_wait_for_a_document_are_named_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touch_derivation, "WAITING_AT_ONCE", 3)
    monkeypatch.setattr(touch_rows, "ROWS_AT_ONCE", 4)
    append("a", *(make_entry(issue_id=f"h-{number}", prev_hash=HASH, ops=ops("/agents/0")) for number in range(10)))
    host_derivation.settle()
    keep_document(json=JSON)
    host_derivation.settle()
    assert Touch.objects.filter(place="/agents/writer").count() == 10
    assert not TouchPending.objects.exists()
    assert list(verify()) == []


PATHS = [("/agents/0",), ("/agents/1/x", "/flow"), ("/agents/0/~", "/agents")]
sent = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["entry", "patch", "own"]), st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 2)
        ),
        st.tuples(st.just("document"), st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 1)),
    ),
    max_size=12,
    unique=True,
)
few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def store(number: int, what: tuple[str, str, int, int], settles: int) -> None:
    kind, source, hash, variant = what
    paths = PATHS[variant]
    match kind:
        case "entry":
            append(source, make_entry(issue_id=repr(what), prev_hash=(HASH, OTHER_HASH)[hash]))
        case "own":
            append(
                source, make_entry(issue_id=repr(what), prev_hash=(HASH, OTHER_HASH)[hash], ts_ms=7, ops=ops(*paths))
            )
        case "patch":
            patch = make_patch(ops=raw(*paths), prev_hash=(HASH, OTHER_HASH)[hash], candidate_hash=HASHES[5])
            observed.keep(source, Found(patches=[patch]))
        case _:
            keep_document((YAML, OTHER)[hash], "" if variant else JSON, source)
    for _ in range(settles):
        host_derivation.step()


@few
@given(
    sent.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))),
    st.lists(st.integers(0, 4), min_size=24, max_size=24),
)
def test_the_order_in_which_everything_comes_does_not_matter(
    both: tuple[list[tuple[str, str, int, int]], list[tuple[str, str, int, int]]], steps: list[int]
) -> None:
    seen = []
    for found in both:
        with transaction.atomic():
            for number, what in enumerate(found):
                store(number, what, steps.pop())
                assert list(verify()) == []
            host_derivation.settle()
            assert host_derivation.is_done()
            tables = read_tables()
            seen.append((tables["touches"], tables["awaiting"], tables["pending"]))
            assert list(verify()) == []
            rebuild_projections()
            assert {**read_tables(), "changes": []} == {**tables, "changes": []}
            transaction.set_rollback(True)
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda: Touch.objects.filter(place="/agents/reviewer").delete(),
        lambda: Touch.objects.filter(place="/agents/reviewer").update(document=7),
        lambda: Touch.objects.update(ts_ms=7),
        lambda: TouchAwaiting.objects.create(entry_id=9, key="x", is_missing=True),
    ],
)
def test_verification_finds_what_is_wrong_and_a_rebuild_repairs_it(damage: Any) -> None:
    keep_document()
    append("a", make_entry(prev_hash=HASH, ops=ops("/agents/1")))
    host_derivation.settle()
    damage()
    (found,) = verify()
    assert "touches" in found
    rebuild_projections()
    assert list(verify()) == []


ROW = {"place": "/x", "blueprint_id": "main", "ts_ms": 1, "rejected": False, "is_whole": True, "is_named": False}
EXTRA = ROW | {"has_named": False, "patch": 0, "document": 0}


def edit(column: str, value: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Entry._meta.db_table} SET {column} = %s WHERE position = 1", [value])


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda name=name: Touch.objects.filter(pk=(1, "/agents")).update(**{name: 7}) for name in ("patch", "ts_ms")),
        *(lambda name=name: Touch.objects.update(**{name: True}) for name in ("rejected", "is_named", "has_named")),
        lambda: Touch.objects.update(is_whole=False),
        lambda: Touch.objects.update(blueprint_id="other"),
        lambda: Touch.objects.filter(entry_id=3).delete(),
        lambda: Touch.objects.create(entry_id=1, **EXTRA),
        lambda: Touch.objects.create(entry_id=2, **EXTRA),
        lambda: Touch.objects.create(entry_id=9, **EXTRA),
        lambda: TouchAwaiting.objects.all().delete(),
        lambda: TouchAwaiting.objects.update(key="x"),
        lambda: TouchAwaiting.objects.update(is_missing=False),
        lambda: edit("ops", '[{"op":"remove","path":"/other"}]'),
        lambda: edit("ops", None),
        lambda: edit("prev_hash", HASHES[4]),
        lambda: edit("blueprint_id", "other"),
        lambda: edit("ts_ms", 7),
        lambda: edit("status", "rejected"),
        lambda: Patch.objects.update(ops='[{"op":"remove","path":"/other"}]'),
    ],
)
def test_verification_finds_each_row_that_does_not_follow_from_what_is_stored(damage: Any) -> None:
    keep_document()
    append("a", make_entry(issue_id="h-1", prev_hash=HASH, ops=ops("/agents/1")), make_entry(issue_id="h-2", ts_ms=8))
    append("a", make_entry(issue_id="h-3", ts_ms=9), make_entry(issue_id="h-4", prev_hash="x", ops=ops("/agents/1")))
    observed.keep("a", Found(patches=[make_patch(ops=raw("/a"), ts_ms=9)]))
    host_derivation.settle()
    assert list(verify()) == []
    with entries_unprotected():
        damage()
    assert any("touches" in line for line in verify())


def test_verification_waits_for_what_is_not_derived_yet(capsys: pytest.CaptureFixture[str]) -> None:
    append("a", make_entry(prev_hash=HASH, ops=ops("/agents/1")))
    assert list(verify()) == []
    host_derivation.settle()
    keep_document()
    assert list(verify()) == []
    assert not host_derivation.is_done()
    call_command("verify_log")
    assert "what patches touch is not derived to the end, which is not an error" in capsys.readouterr().out
