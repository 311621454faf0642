"""Redacted documents: the text is gone, what is based on it can still be read, and nothing brings it back."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from blake3 import blake3
from django.db import IntegrityError, connection, transaction

from enhancelog.backends import dialect
from enhancelog.domain import redactions
from enhancelog.domain.errors import Damaged, Invalid, RedactedDocument
from enhancelog.domain.observed import Document, DocumentForm, Version
from enhancelog.domain.origin import Origin
from enhancelog.models import AuditRecord, DocumentRedaction, Touch, TouchAwaiting
from enhancelog.models import Document as Row
from enhancelog.models import Version as VersionRow
from enhancelog.store import (
    documents,
    followed,
    host_derivation,
    observed,
    redacting_documents,
    repacking,
)
from enhancelog.store.documents import Batch, Gone, Seen
from enhancelog.store.observed import Found
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.field_pages import YAML, try_patches

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = Origin("user", "ada", "page")
SECRET = "hunterzwei"
FILLING = "\n".join(f"line {number}: some words that stay the same" for number in range(40))


def texts(number: int) -> list[str]:
    """Versions that hold the secret and differ in a line."""
    return [f"version: {at}\nprompt: use {SECRET}\n{FILLING}\n" for at in range(number)]


def hash_of(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def seen(text: str, form: DocumentForm = "yaml", hash: str = "") -> Seen:
    return Seen("main", Document(hash=hash or hash_of(text), form=form, text=text))


def keep(*texts: str) -> list[str]:
    observed.keep("host", Found(documents=[seen(text) for text in texts]))
    return [hash_of(text) for text in texts]


def version(hash: str, rationale: str = f"because of {SECRET}", number: int = 1) -> Version:
    return Version(blueprint_id="main", hash=hash, number=number, made_by="hand", rationale=rationale)


def redact(hash: str) -> int:
    return redacting_documents.redact(hash, "a key in clear", STAFF)


def text(hash: str, form: str | None = None) -> str:
    found = documents.find(hash, form)
    assert found is not None
    return found.text


def findings() -> list[str]:
    return list(verify())


def execute(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_the_text_is_gone_and_what_is_known_of_it_stays() -> None:
    hash, other = keep(*texts(2))
    observed.keep("host", Found(documents=[seen(f'{{"a":"{SECRET}"}}', "json", hash)]))
    before = list(Row.objects.order_by("position").values_list(*redacting_documents.LEFT))
    assert redact(hash) == 1
    assert list(Row.objects.order_by("position").values_list(*redacting_documents.LEFT)) == before
    for form in (None, "yaml", "json"):
        with pytest.raises(RedactedDocument, match=r"it was redacted on .* UTC: a key in clear"):
            documents.find(hash, form)
    gone = documents.look(hash)
    assert isinstance(gone, Gone)
    assert (gone.blueprint_id, gone.source, gone.tombstone.why) == ("main", "host", "a key in clear")
    assert gone.tombstone.fields == ["text"]
    assert set(Row.objects.filter(hash=hash).values_list("base", "compressed")) == {(None, None)}
    assert text(other) == texts(2)[1]
    assert findings() == []


def test_it_is_audited_without_the_text() -> None:
    (hash,) = keep(*texts(1))
    redact(hash)
    record = AuditRecord.objects.get()
    assert (record.act, record.about, record.about_id) == ("document.redact", "document", hash)
    assert record.detail == '{"why":"a key in clear"}'


def test_whatever_is_redacted_in_whatever_order_the_others_come_back_and_none_is_based_on_it() -> None:
    chosen = random.Random(5)
    given = texts(12) + [f"other: {chosen.randbytes(300).hex()}\n" for _ in range(4)] + texts(24)[12:]
    left = dict(zip(keep(*given), given, strict=True))
    for hash in chosen.sample(list(left), 14):
        redact(hash)
        del left[hash]
        assert not Row.objects.filter(base=hash).exists()
        assert {each: text(each) for each in left} == left
        whole = Row.objects.filter(base=None, redacted=None).values_list("hash", flat=True)
        assert set(Row.objects.exclude(base=None).values_list("base", flat=True)) <= set(whole)
    more = [f"later {each}" for each in texts(3)]
    assert [text(hash) for hash in keep(*more)] == more
    assert findings() == []


def test_what_is_based_on_it_takes_as_little_room_as_before() -> None:
    (hash, *_) = keep(*texts(200))
    before = sum(len(bytes(each or b"")) for each in Row.objects.values_list("compressed", flat=True))
    redact(hash)
    after = sum(len(bytes(each or b"")) for each in Row.objects.values_list("compressed", flat=True))
    assert after <= before * 1.1


def test_differences_beyond_the_limit_wait_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repacking, "IN_MEMORY_BYTES", 10)
    monkeypatch.setattr(repacking, "ROWS_AT_ONCE", 3)
    (hash, *others) = keep(*texts(8))
    assert redact(hash) == 7
    assert [text(each) for each in others] == texts(8)[1:]


def test_no_form_and_no_rationale_of_it_comes_back() -> None:
    (hash,) = keep(*texts(1))
    observed.keep("host", Found(versions=[version(hash)]))
    redact(hash)
    again = Found(documents=[seen(texts(1)[0]), seen(f'{{"a":"{SECRET}"}}', "json", hash)], versions=[version(hash)])
    for source in ("host", "another"):
        assert observed.keep(source, again).documents == 0
    assert not followed.keep_document("main", hash, f'{{"a":"{SECRET}"}}', "host")
    assert list(Row.objects.values_list("form", "compressed")) == [("yaml", None)]
    assert set(VersionRow.objects.values_list("source", "rationale")) == {
        ("host", redactions.REDACTED),
        ("another", redactions.REDACTED),
    }
    assert findings() == []


def test_the_yaml_of_a_redacted_head_does_not_come() -> None:
    hash = hash_of(texts(1)[0])
    followed.keep_document("main", hash, f'{{"a":"{SECRET}"}}', "host")
    redact(hash)
    keep(*texts(1))
    assert list(Row.objects.values_list("form", "compressed")) == [("json", None)]


def test_a_batch_that_was_prepared_before_is_based_on_nothing_that_is_redacted() -> None:
    (base,) = keep(*texts(1))
    batch = Batch([seen(texts(2)[1]), seen(texts(1)[0])])
    with connection.cursor() as cursor:
        batch.prepare(cursor)
    redact(base)
    with dialect().appending() as cursor:
        assert batch.insert(cursor, "host") == 1
    assert text(hash_of(texts(2)[1])) == texts(2)[1]


def test_what_comes_or_is_redacted_while_it_prepares_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (hash, second, *_) = keep(*texts(4))
    prepare = repacking.Repacking.prepare
    meanwhile: list[Callable[[], object]] = [lambda: keep(*texts(6)), lambda: redact(second)]

    def late(self: repacking.Repacking, cursor: Any) -> None:
        prepare(self, cursor)
        if meanwhile and not connection.in_atomic_block:
            meanwhile.pop()()

    monkeypatch.setattr(repacking.Repacking, "prepare", late)
    redact(hash)
    assert meanwhile == []
    assert [text(hash_of(each)) for each in texts(6)[2:]] == texts(6)[2:]
    assert findings() == []


@pytest.mark.parametrize("other", [0, 2])
def test_two_redactions_at_once_do_not_disturb_each_other(other: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = keep(*texts(4))
    pack = repacking.Repacking._pack
    meanwhile: list[Callable[[], object]] = [lambda: redact(hashes[other])]

    def late(self: repacking.Repacking, cursor: Any, position: int) -> None:
        if meanwhile:
            meanwhile.pop()()
        pack(self, cursor, position)

    monkeypatch.setattr(repacking.Repacking, "_pack", late)
    if other:
        redact(hashes[0])
    else:
        with pytest.raises(Invalid, match="is redacted already"):
            redact(hashes[0])
    gone = {hashes[0], hashes[other]}
    left = {hash: each for hash, each in zip(hashes, texts(4), strict=True) if hash not in gone}
    assert {hash: text(hash) for hash in left} == left
    assert findings() == []


@pytest.mark.parametrize("damaged", [1, 2])
def test_a_damaged_document_is_in_nobodys_way(damaged: int) -> None:
    hashes = keep(*texts(3))
    with entries_unprotected():
        Row.objects.filter(position=damaged).update(compressed=b"damaged")
    redact(hashes[0])
    with pytest.raises(Damaged):
        documents.find(hashes[damaged - 1])
    if damaged == 2:
        assert text(hashes[2]) == texts(3)[2]


def test_rationales_of_its_versions_go_and_those_of_others_stay() -> None:
    hash, other = keep(*texts(2))
    observed.keep("host", Found(versions=[version(hash), version(other, number=2), version(hash, "", number=3)]))
    redact(hash)
    said = VersionRow.objects.order_by("number").values_list("rationale", flat=True)
    assert list(said) == [redactions.REDACTED, f"because of {SECRET}", ""]
    gone = documents.look(hash)
    assert isinstance(gone, Gone)
    assert gone.tombstone.fields == ["text", "rationale"]


@pytest.mark.parametrize(
    ("why", "said"),
    [("", "is empty"), (f"use {SECRET}", "repeats a text"), (f"said: because of {SECRET}", "repeats a text")],
)
def test_a_reason_is_needed_without_the_text(why: str, said: str) -> None:
    (hash,) = keep(*texts(1))
    observed.keep("host", Found(versions=[version(hash)]))
    with pytest.raises(Invalid, match=said) as refused:
        redacting_documents.redact(hash, why, STAFF)
    assert refused.value.field == "why"
    assert text(hash) == texts(1)[0]
    assert not AuditRecord.objects.exists()


def test_what_is_not_stored_or_redacted_already_is_refused() -> None:
    (hash,) = keep(*texts(1))
    redact(hash)
    with pytest.raises(Invalid, match="is redacted already"):
        redact(hash)
    for unknown in ("0" * 64, "", "x" * 2_000):
        with pytest.raises(Invalid, match="is not stored"):
            redact(unknown)
    assert DocumentRedaction.objects.count() == 1


# Touched places


def touched() -> list[tuple[Any, ...]]:
    return list(Touch.objects.order_by("entry_id", "place").values_list())


def test_the_names_that_it_gave_to_places_go_and_a_rebuild_gives_the_same() -> None:
    keep(YAML)
    try_patches(True, False)
    assert Touch.objects.filter(is_named=True, place__contains="writer").exists()
    redact(hash_of(YAML))
    host_derivation.settle()
    assert Touch.objects.exists()
    assert not Touch.objects.filter(place__contains="writer").exists()
    before = touched()
    rebuild_projections()
    assert touched() == before
    assert findings() == []


def test_a_run_that_comes_later_gets_no_names_and_waits_for_none() -> None:
    keep(YAML)
    redact(hash_of(YAML))
    try_patches(True)
    assert Touch.objects.exists()
    assert not Touch.objects.filter(is_named=True).exists()
    assert not TouchAwaiting.objects.exists()
    assert findings() == []


# What the database allows

DOCUMENT, REDACTION, VERSION = (table._meta.db_table for table in (Row, DocumentRedaction, VersionRow))
INSERT = f"""INSERT INTO {REDACTION} (hash, number, recorded_ms, actor_kind, actor_name, source, tombstones, envelope)
    VALUES (%s, %s, 1, 'user', 'x', 'page', '[1]', '')"""
REPACK = f"UPDATE {DOCUMENT} SET base = %s, compressed = %s WHERE position = %s"

Statement = tuple[Any, ...]
FORGED: dict[str, Callable[[list[str]], list[Statement]]] = {
    "an update without a redaction": lambda known: [(f"UPDATE {DOCUMENT} SET compressed = NULL, base = NULL",)],
    "an update that says that there was one": lambda known: [
        (f"UPDATE {DOCUMENT} SET compressed = NULL, redacted = '[1]' WHERE position = 1",)
    ],
    "a redaction of no document": lambda known: [(INSERT, "0" * 64, 1)],
    "the second before the first": lambda known: [(INSERT, known[0], 2)],
    "a second redaction": lambda known: [(INSERT, known[0], number) for number in (1, 2)],
    "another text": lambda known: [(REPACK, None, b"other", 1)],
    "another difference": lambda known: [(REPACK, known[0], b"other", 2)],
    "another difference beside a redaction of another": lambda known: [
        (INSERT, known[3], 1),
        (REPACK, known[0], b"other", 2),
    ],
    "a base that is redacted": lambda known: [(INSERT, known[0], 1), (REPACK, known[0], b"other", 2)],
    "a base that has a base": lambda known: [(INSERT, known[0], 1), (REPACK, known[2], b"other", 2)],
    "another size": lambda known: [
        (INSERT, known[0], 1),
        (f"UPDATE {DOCUMENT} SET base = NULL, compressed = %s, size = 1 WHERE position = 2", b"other"),
    ],
    "no text without a redaction of its own": lambda known: [(INSERT, known[0], 1), (REPACK, None, None, 2)],
    "a redacted text that comes back": lambda known: [(INSERT, known[0], 1), (REPACK, None, b"other", 1)],
    "a rationale without a redaction": lambda known: [(f"UPDATE {VERSION} SET rationale = '[redacted]'",)],
    "another rationale": lambda known: [(INSERT, known[0], 1), (f"UPDATE {VERSION} SET rationale = 'other'",)],
    "a changed redaction": lambda known: [(INSERT, known[0], 1), (f"UPDATE {REDACTION} SET tombstones = '[2]'",)],
    "no redaction any more": lambda known: [(INSERT, known[0], 1), (f"DELETE FROM {REDACTION}",)],
}


def execute_all(statements: list[Statement]) -> None:
    for statement in statements:
        execute(*statement)


def rows() -> list[tuple[Any, ...]]:
    found = Row.objects.order_by("position").values_list("position", "base", "compressed", "size", "redacted")
    return [(position, base, bytes(packed or b""), *said) for position, base, packed, *said in found]


@pytest.mark.parametrize("way", FORGED)
def test_the_database_refuses_all_other_changes(way: str) -> None:
    known = keep(*texts(4))
    observed.keep("host", Found(versions=[version(known[0])]))
    before = rows()
    with pytest.raises(IntegrityError), transaction.atomic():
        execute_all(FORGED[way](known))
    assert rows() == before
    assert not DocumentRedaction.objects.exists()


# Verification

TAMPERED: dict[str, tuple[Callable[[str], object], str]] = {
    "no redaction": (lambda hash: DocumentRedaction.objects.all().delete(), "there is no redaction of it"),
    "another reason": (
        lambda hash: DocumentRedaction.objects.update(tombstones='[{"fields":["text"],"redacted_ms":1,"why":"x"}]'),
        "or its redaction was changed",
    ),
    "another actor": (lambda hash: DocumentRedaction.objects.update(actor_name="bob"), "or its redaction was changed"),
    "another size": (lambda hash: Row.objects.filter(hash=hash).update(size=1), "or its redaction was changed"),
    "its text": (lambda hash: Row.objects.filter(hash=hash).update(compressed=b"x"), "still has its text"),
    "not carried out": (lambda hash: Row.objects.filter(hash=hash).update(redacted=None), "was not carried out"),
    "no tombstone that can be read": (
        lambda hash: Row.objects.filter(hash=hash).update(redacted="[]"),
        "or its redaction was changed",
    ),
    "no document": (lambda hash: Row.objects.filter(hash=hash).delete(), "which is not stored"),
    "a rationale": (lambda hash: VersionRow.objects.update(rationale="again"), "still has its rationale"),
}


@pytest.mark.parametrize("way", TAMPERED)
def test_verification_finds_what_was_changed(way: str) -> None:
    change, said = TAMPERED[way]
    (*_, hash) = keep(*texts(2))
    observed.keep("host", Found(versions=[version(hash)]))
    redact(hash)
    assert findings() == []
    with entries_unprotected(DOCUMENT, REDACTION, VERSION):
        change(hash)
    found = findings()
    assert any(said in each and hash in each for each in found), found


def test_verification_finds_a_document_whose_base_is_redacted() -> None:
    hash, other = keep(*texts(2))
    with entries_unprotected(DOCUMENT):
        kept = Row.objects.get(hash=other)
        redact(hash)
        Row.objects.filter(hash=other).update(base=kept.base, compressed=kept.compressed)
    assert any(other in each and "cannot be read" in each for each in findings())
