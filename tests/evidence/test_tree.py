"""The tree over the stored log: what was signed can be proven, and stays proven."""

import pytest
from django.db import connection

from enhancelog.domain.errors import Invalid, Other
from enhancelog.domain.origin import Origin
from enhancelog.evidence import checkpoints, growth_files, receipts, tiles
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.keys import SigningKey
from enhancelog.evidence.merkle import EMPTY_ROOT
from enhancelog.evidence.receipts import Hidden, Shown
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Entry
from enhancelog.models import Tile as TileModel
from enhancelog.queries import entries
from enhancelog.queries import evidence as read
from enhancelog.store import evidence, redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.conftest import entries_unprotected
from tests.factories import make_rejected

pytestmark = pytest.mark.django_db

HOST = Origin("command", "tests", "tests")
KEYS = [SigningKey("log-1", b"k" * 32)]
NEXT_KEY = SigningKey("log-1", b"n" * 32)
VERIFIERS = [KEYS[0].verifier]


def append(count: int, first: int = 0) -> None:
    batch = [make_rejected(issue_id=f"h-{number}") for number in range(first, first + count)]
    DatabaseEnhanceLogStore(HOST).append_batch(batch)


def settle(keys: list[SigningKey] = KEYS) -> Checkpoint:
    while evidence.step(keys):
        pass
    return checkpoint()


def checkpoint() -> Checkpoint:
    found = read.checkpoint()
    assert found is not None
    return checkpoints.open_signed(found.note, VERIFIERS).checkpoint


def receipt(issue_id: str) -> bytes:
    found = read.receipt(entries.get(issue_id))
    assert found is not None
    return found.content


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_empty_log_has_a_checkpoint() -> None:
    assert settle() == Checkpoint("log-1", 0, EMPTY_ROOT)


def test_every_entry_has_a_receipt_that_shows_it() -> None:
    append(300)
    settle()
    for number in (0, 1, 255, 256, 299):
        proven = receipts.verify(receipt(f"h-{number}"), VERIFIERS)
        assert proven.entry is not None
        assert (proven.entry.issue_id, proven.index, proven.checkpoint.size) == (f"h-{number}", number, 300)
        assert isinstance(proven.leaf, Shown)
        assert (proven.leaf.actor_kind, proven.leaf.source) == ("command", "tests")


@pytest.mark.parametrize("sizes", [[1] * 5, [255, 1, 1], [256, 256], [100, 200, 300], [1000, 1000, 1]])
def test_a_tree_that_grows_in_steps_is_the_tree_of_the_whole_log(sizes: list[int]) -> None:
    known = settle()
    for size in sizes:
        append(size, known.size)
        grown = settle()
        assert growth_files.verify(known, _growth(known.size), VERIFIERS).checkpoint == grown
        known = grown
    assert known.size == sum(sizes)
    before = _tiles()
    assert evidence.rebuild() == sum(sizes)
    assert _tiles() == before
    assert checkpoint() == known


def _growth(first: int, second: int | None = None) -> bytes:
    found = read.growth(first, second)
    assert found is not None
    return found


def _tiles() -> list[tuple[int, int, bytes]]:
    rows = TileModel.objects.order_by("level", "number").values_list("level", "number", "hashes")
    return [(level, number, bytes(hashes)) for level, number, hashes in rows]


def test_a_step_is_bounded_and_says_that_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "MOST_ENTRIES", 100)
    append(250)
    sizes = []
    while evidence.step(KEYS):
        sizes.append(checkpoint().size)
    assert [*sizes, checkpoint().size] == [100, 200, 250]


def test_an_entry_without_a_checkpoint_has_no_receipt_yet() -> None:
    append(1)
    assert read.receipt(entries.get("h-0")) is None
    settle()
    append(1, 1)
    assert read.receipt(entries.get("h-1")) is None


def test_a_redaction_leaves_the_tree_as_it_was() -> None:
    append(3)
    before = settle()
    redacting.redact("h-1", ["details"], "a key in clear", HOST)
    assert evidence.rebuild() == 3
    assert checkpoint() == before
    proven = receipts.verify(receipt("h-1"), VERIFIERS)
    assert isinstance(proven.leaf, Hidden)
    assert proven.leaf.inner == Entry.objects.get(issue_id="h-1").digest


def test_a_redaction_before_the_first_checkpoint_gives_the_same_tree() -> None:
    append(3)
    redacting.redact("h-1", ["details"], "a key in clear", HOST)
    assert settle().size == 3
    assert isinstance(receipts.verify(receipt("h-1"), VERIFIERS).leaf, Hidden)


def test_another_key_signs_nothing() -> None:
    append(1)
    known = settle()
    append(1, 1)
    with pytest.raises(evidence.NotOurs, match="another key"):
        evidence.step([NEXT_KEY])
    with pytest.raises(evidence.NotOurs):
        evidence.step([])
    assert checkpoint() == known


def test_a_new_key_takes_over_while_the_old_one_signs_beside_it() -> None:
    append(1)
    settle()
    settle([*KEYS, NEXT_KEY])  # without a new entry
    note = CheckpointModel.objects.get().note.encode()
    assert [signed.key for signed in checkpoints.open_signed(note, [*VERIFIERS, NEXT_KEY.verifier]).signed] == [
        *VERIFIERS,
        NEXT_KEY.verifier,
    ]
    append(1, 1)
    evidence.step([NEXT_KEY])
    assert (
        checkpoints.open_signed(CheckpointModel.objects.get().note.encode(), [NEXT_KEY.verifier]).checkpoint.size == 2
    )


def test_who_finds_another_checkpoint_than_it_began_with_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    append(10)
    settle()
    append(10, 10)
    resumed = evidence._resumed

    def meanwhile(checkpoint: Checkpoint) -> object:
        monkeypatch.setattr(evidence, "_resumed", resumed)
        append(1, 20)
        evidence.step(KEYS)
        return resumed(checkpoint)

    monkeypatch.setattr(evidence, "_resumed", meanwhile)
    evidence.step(KEYS)
    assert checkpoint().size == 21
    before = _tiles()
    evidence.rebuild()
    assert _tiles() == before


def test_a_changed_tile_is_not_built_upon() -> None:
    append(10)
    settle()
    hashes = bytes(TileModel.objects.get().hashes)
    TileModel.objects.update(hashes=b"x" + hashes[1:])
    append(1, 10)
    with pytest.raises(Other, match="another root; run rebuild_projections"):
        evidence.step(KEYS)
    TileModel.objects.update(hashes=hashes[:-1])
    with pytest.raises(Other, match=r"tile/0/000.p/10: has 319 bytes"):
        evidence.step(KEYS)
    evidence.rebuild()
    assert settle().size == 11


def test_a_changed_log_is_no_ground_for_a_rebuild() -> None:
    append(10)
    settle()
    before = _tiles()
    with entries_unprotected():
        execute("UPDATE enhancelog_entry SET status = 'applied' WHERE position = 4")
    with pytest.raises(Other, match="is not the one whose 10 entries were signed"):
        evidence.rebuild()
    assert _tiles() == before


def test_a_missing_entry_ends_the_tree() -> None:
    append(10)
    settle()
    append(5, 10)
    with entries_unprotected():
        execute("DELETE FROM enhancelog_entry WHERE position = 13")
    with pytest.raises(Other, match="the entry at position 13 is missing"):
        evidence.step(KEYS)


def test_tiles_are_those_that_the_checkpoint_has() -> None:
    append(300)
    known = settle()
    first = read.tile("tile/0/000")
    assert first is not None
    assert len(first) == 256 * 32
    assert read.tile("tile/0/001.p/45") is None
    assert read.tile("tile/0/001") is None
    bundle = read.tile("tile/entries/001.p/44")
    assert bundle is not None
    assert len(bundle) == 44 * 34
    assert tiles.combined(first) == (read.tile("tile/1/000.p/1") or b"")
    assert known.size == 300


@pytest.mark.parametrize(("first", "second", "field"), [(11, None, "first"), (1, 11, "second"), (5, 4, "first")])
def test_a_size_beyond_the_checkpoint_is_refused(first: int, second: int | None, field: str) -> None:
    append(10)
    settle()
    with pytest.raises(Invalid) as error:
        read.growth(first, second)
    assert error.value.field == field
