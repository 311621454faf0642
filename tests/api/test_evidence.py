"""The evidence over HTTP, verified as a stranger does: with nothing but ``enhancelog.evidence`` and a key."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from enhancelog.accounts import api_tokens
from enhancelog.backends import reading
from enhancelog.domain.errors import NO_SUCH_ENTRY, PrimaryGone
from enhancelog.domain.origin import Origin
from enhancelog.evidence import checkpoints, growth_files, keys, leaves, merkle, receipts, tiles
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.receipts import Hidden
from enhancelog.evidence.tile_building import TileBuilder
from enhancelog.evidence.tiles import HEIGHT, WIDTH, Tile
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Tile as TileModel
from enhancelog.store import evidence, redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.conftest import entries_unprotected
from tests.evidence.logs import KEY, NEXT_KEY
from tests.factories import make_rejected
from tests.plans import whole_tables

pytestmark = pytest.mark.django_db

HOST = Origin("token", "agent-7", "api")
ROOT = "/v1/evidence"
PATHS = [
    f"{ROOT}/checkpoint",
    f"{ROOT}/keys",
    f"{ROOT}/proofs/h-0",
    f"{ROOT}/consistency?first=1",
    f"{ROOT}/tile/0/000.p/3",
    f"{ROOT}/tile/entries/000.p/3",
]


@pytest.fixture(autouse=True)
def public(settings: Settings) -> None:
    settings.PUBLIC_READ = True
    settings.EVIDENCE_KEY = KEY.secret_text


def grow(count: int, first: int = 0) -> None:
    """Append entries and sign a checkpoint of them."""
    append(count, first)
    while evidence.step([KEY]):
        pass


def append(count: int, first: int = 0) -> None:
    batch = [make_rejected(issue_id=f"h-{number}") for number in range(first, first + count)]
    DatabaseEnhanceLogStore(HOST).append_batch(batch)


def read(client: Client, path: str) -> bytes:
    response = client.get(f"{ROOT}/{path}")
    assert response.status_code == 200, response.content
    return bytes(response.content)


def known(client: Client) -> Checkpoint:
    verifiers = [keys.parse_verifier_key(line) for line in read(client, "keys").decode().splitlines()]
    return checkpoints.open_signed(read(client, "checkpoint"), verifiers).checkpoint


def test_a_receipt_shows_the_entry_and_verifies(client: Client) -> None:
    grow(300)
    for number in (0, 255, 256, 299):
        proven = receipts.verify(read(client, f"proofs/h-{number}"), [KEY.verifier])
        assert proven.checkpoint == known(client)
        assert proven.index == number
        assert proven.entry is not None
        assert proven.entry.issue_id == f"h-{number}"


@pytest.mark.parametrize("sizes", [(0, 3), (3, 3), (1, 257), (255, 256), (256, 1)])
def test_growth_leads_from_one_checkpoint_to_a_later_one(client: Client, sizes: tuple[int, int]) -> None:
    grow(sizes[0])
    before = known(client)
    grow(sizes[1], sizes[0])
    found = growth_files.verify(before, read(client, f"consistency?first={sizes[0]}"), [KEY.verifier])
    assert found.checkpoint == known(client)
    assert found.checkpoint.size == sum(sizes)


def test_growth_up_to_an_earlier_size_has_no_checkpoint(client: Client) -> None:
    grow(5)
    middle = known(client)
    grow(4, 5)
    found = growth_files.parse(read(client, "consistency?first=5&second=7"))
    assert found.checkpoint == b""
    assert found.old == middle.size
    whole = growth_files.parse(read(client, "consistency?first=5&second=9"))
    assert whole.checkpoint == read(client, "checkpoint")


def test_during_a_change_of_keys_both_are_listed_and_have_signed(client: Client, settings: Settings) -> None:
    settings.EVIDENCE_KEY = f"{KEY.secret_text}\n{NEXT_KEY.secret_text}"
    evidence.step([KEY, NEXT_KEY])
    assert read(client, "keys").decode() == f"{KEY.verifier}\n{NEXT_KEY.verifier}\n"
    for key in (KEY, NEXT_KEY):
        checkpoints.open_signed(read(client, "checkpoint"), [key.verifier])


@pytest.mark.parametrize("size", [1, 256, 600])
def test_a_mirror_rebuilds_the_tree_from_tiles_and_from_bundles(client: Client, size: int) -> None:
    grow(size)
    redacting.redact("h-0", ["details"], "a key in clear", HOST)
    stated = known(client)
    found = {tile: read(client, tile.path) for tile in tiles_of(size)}
    lowest = [tile for tile in found if tile.level == 0]
    inners = [inner for tile in lowest for inner in entries_of(read(client, bundle(tile).path))]
    hashes = b"".join(found[tile] for tile in lowest)
    assert hashes == b"".join(map(leaves.leaf, inners))
    builder = TileBuilder()
    assert dict(builder.extend(map(leaves.leaf, inners))) == found
    assert builder.root() == stated.root
    assert merkle.root(size, tiles.reader(size, lambda wanted: [found[tile] for tile in wanted])) == stated.root


def tiles_of(size: int) -> Iterator[Tile]:
    """All that C2SP says a tree of this size has."""
    level = 0
    while count := size >> HEIGHT * level:
        yield from (Tile(level, index) for index in range(count // WIDTH))
        if count % WIDTH:
            yield Tile(level, count // WIDTH, count % WIDTH)
        level += 1


def bundle(tile: Tile) -> Tile:
    return Tile(tiles.ENTRIES, tile.index, tile.width)


def entries_of(data: bytes) -> Iterator[bytes]:
    while data:
        length = int.from_bytes(data[:2], "big")
        yield data[2 : 2 + length]
        data = data[2 + length :]


def test_a_mirror_of_an_older_checkpoint_still_finds_its_tiles(client: Client) -> None:
    grow(100)
    partial = read(client, "tile/0/000.p/100")
    grow(200, 100)
    assert read(client, "tile/0/000.p/100") == partial == read(client, "tile/0/000")[: len(partial)]


def test_media_types_are_those_of_c2sp(client: Client) -> None:
    grow(3)
    found = {path: client.get(path).headers["Content-Type"] for path in PATHS}
    assert {path for path, kind in found.items() if kind == "text/plain; charset=utf-8"} == set(PATHS[:4])
    assert {path for path, kind in found.items() if kind == "application/octet-stream"} == set(PATHS[4:])


@pytest.mark.parametrize("path", PATHS)
def test_readers_ask_each_time_whether_they_may_still_read(client: Client, path: str) -> None:
    grow(3)
    response = client.get(path)
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in response.headers["Vary"]


def test_what_does_not_change_keeps_its_etag_and_what_grows_does_not(client: Client) -> None:
    grow(300)
    tags = {path: client.get(path).headers["ETag"] for path in [*PATHS, f"{ROOT}/tile/0/000"]}
    grow(1, 300)
    changed = {path for path, tag in tags.items() if client.get(path).headers["ETag"] != tag}
    assert changed == {f"{ROOT}/checkpoint", f"{ROOT}/proofs/h-0", f"{ROOT}/consistency?first=1"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_written_here(client: Client, path: str, method: str) -> None:
    response = client.generic(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_reads_are_throttled(client: Client, settings: Settings) -> None:
    grow(3)
    settings.THROTTLE_READ = (1, 3600)
    statuses = [client.get(path).status_code for path in PATHS]
    assert statuses == [200, 429, 429, 429, 429, 429]


@pytest.mark.parametrize("scope", api_tokens.SCOPES)
def test_tokens_that_read_the_log_read_its_evidence(client: Client, settings: Settings, scope: str) -> None:
    grow(3)
    settings.PUBLIC_READ = False
    owner = User.objects.create_user("ada", is_staff=True)
    _, secret = api_tokens.make(api_tokens.Wanted("mirror", [scope]), owner, "ada")
    expected = 200 if scope == "log:read" else 403
    for path in PATHS:
        assert client.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code == expected
        assert client.get(path).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "0/001",
        "0/000.p/4",
        "1/000.p/1",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/999",
        "0/000.p/٣",
        "0/000/",
        "0/00",
        "0/0000",
        "0/x000/000.p/3",
        "00/000.p/3",
        "-1/000.p/3",
        "64/000.p/3",
        "63/999",
        "0/x999/x999/x999/x999/x999/x999/999",
        "0/x999/x999/x999/x999/x999/x999/x999/999",
        "8/0/000.p/3",
        "data/000.p/3",
        "entries/000.p/4",
        "entries/001",
        "entries/x000/000",
        "../checkpoint",
        "0/../0/000.p/3",
        "0/000.p/3%00",
        "0/000.p/3%0A",
        "0/000.p/3 ",
        "%0A0/000.p/3",
        "0//000.p/3",
        "%F0%9F%8C%B3",
        "%ff",
        "0/" + "x000/" * 10_000 + "000",
        "0/" + "9" * 60_000,
    ],
    ids=lambda path: path[:40],
)
def test_what_is_no_tile_of_the_checkpoint_is_a_404_that_asks_for_no_tile(client: Client, path: str) -> None:
    grow(3)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(f"{ROOT}/tile/{path}")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert not [query for query in captured if "enhancelog_tile" in query["sql"]]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("", "first", "is missing; it is the size of the checkpoint that you know"),
        ("second=3", "first", "is missing"),
        ("first=", "first", 'a whole number from 0 to 9,223,372,036,854,775,807, not ""'),
        ("first=-1", "first", 'not "-1"'),
        ("first=%2B1", "first", 'not "+1"'),
        ("first=1e0", "first", 'not "1e0"'),
        ("first=0x1", "first", 'not "0x1"'),
        ("first=1_0", "first", 'not "1_0"'),
        ("first=%D9%A3", "first", 'not "٣"'),
        ("first=1%0A", "first", "not "),
        ("first=1%00", "first", "not "),
        ("first=9223372036854775808", "first", 'not "9223372036854775808"'),
        ("first=" + "9" * 50_000, "first", 'not "' + "9" * 40 + '"'),
        ("first=4", "first", "is 4, but must be at most 3, the size of the checkpoint"),
        ("first=9223372036854775807", "first", "is 9,223,372,036,854,775,807, but must be at most 3"),
        ("first=1&second=4", "second", "is 4, but must be at most 3"),
        ("first=2&second=1", "first", "is 2, but must be at most 1, which is second"),
        ("first=1&second=", "second", 'not ""'),
        ("first=1&first=2", "first", "is given 2 times; give it once"),
        ("first=1&second=2&second=2", "second", "is given 2 times"),
    ],
    ids=lambda part: part[:30],
)
def test_a_size_that_cannot_be_is_400_and_says_which(client: Client, query: str, field: str, said: str) -> None:
    grow(3)
    response = client.get(f"{ROOT}/consistency?{query}")
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert said in error["detail"]
    assert len(response.content) < 1_000


def test_other_parameters_are_ignored_as_everywhere(client: Client) -> None:
    grow(3)
    for path in PATHS:
        expected = client.get(path).content
        assert client.get(f"{path}{'&' if '?' in path else '?'}third=x").content == expected


@pytest.mark.parametrize("issue_id", ["nobody", "a%2Fb", "%00", "%0A", "..", "%F0%9F%8C%B3", "x" * 60_000])
def test_the_proof_of_an_unknown_entry_is_404_as_the_entry_is(client: Client, issue_id: str) -> None:
    grow(1)
    proof = client.get(f"{ROOT}/proofs/{issue_id}")
    entry = client.get(f"/v1/enhance/entries/{issue_id}")
    assert (proof.status_code, proof.content.decode()) == (404, NO_SUCH_ENTRY)
    assert (entry.status_code, entry.content) == (proof.status_code, proof.content)
    assert entry.headers["Content-Type"] == proof.headers["Content-Type"]


def test_ids_of_any_characters_have_receipts(client: Client) -> None:
    DatabaseEnhanceLogStore(HOST).append(make_rejected(issue_id="a/b ?#%é"))
    evidence.step([KEY])
    proven = receipts.verify(read(client, "proofs/a%2Fb%20%3F%23%25%C3%A9"), [KEY.verifier])
    assert proven.entry is not None
    assert proven.entry.issue_id == "a/b ?#%é"


def test_before_the_first_checkpoint_everything_can_be_asked_again(client: Client) -> None:
    append(1)
    for path in (PATHS[0], PATHS[2], PATHS[3]):
        waiting(client, path)
    assert client.get(PATHS[4]).status_code == 404


def test_an_entry_that_is_in_no_checkpoint_yet_can_be_asked_again(client: Client) -> None:
    grow(1)
    append(1, 1)
    assert "No checkpoint has this entry yet; the next one" in waiting(client, f"{ROOT}/proofs/h-1")
    evidence.step([KEY])
    receipts.verify(read(client, "proofs/h-1"), [KEY.verifier])


def waiting(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) == 1
    assert response.headers["Cache-Control"] == "no-store"
    return str(response.json()["detail"])


def test_while_the_primary_is_gone_nobody_is_told_that_a_checkpoint_follows(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(1)
    append(1, 1)
    monkeypatch.setattr(reading, "gone", lambda: PrimaryGone("2026-11-30T19:00:00Z"))
    receipts.verify(read(client, "proofs/h-0"), [KEY.verifier])
    response = client.get(f"{ROOT}/proofs/h-1")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "none is signed, because the primary database is gone since" in response.json()["detail"]


def test_a_server_without_a_key_has_no_keys_yet(client: Client, settings: Settings, tmp_path: Any) -> None:
    settings.EVIDENCE_KEY = ""
    settings.DATA_DIR = tmp_path
    waiting(client, f"{ROOT}/keys")


def test_of_a_redacted_entry_the_digest_is_what_the_receipt_proves(client: Client) -> None:
    grow(2)
    original = client.get("/v1/enhance/entries/h-0").json()
    plain = receipts.verify(read(client, "proofs/h-0"), [KEY.verifier])
    redacting.redact("h-0", ["details"], "a key in clear", HOST)
    entry = client.get("/v1/enhance/entries/h-0").json()
    proven = receipts.verify(read(client, "proofs/h-0"), [KEY.verifier])
    assert proven.checkpoint == plain.checkpoint
    assert proven.leaf == Hidden(entry["digest"])
    assert {entry["digest"], entry["envelope"]}.isdisjoint({original["digest"], original["envelope"]})
    assert client.get("/v1/enhance/log/h-0").headers["ETag"] == f'"{entry["digest"]}-1"'
    redacting.redact("h-0", ["intent"], "likewise", HOST)
    assert client.get("/v1/enhance/log/h-0").headers["ETag"] == f'"{entry["digest"]}-2"'
    assert receipts.verify(read(client, "proofs/h-0"), [KEY.verifier]).leaf == proven.leaf


def damage_note() -> None:
    CheckpointModel.objects.update(note="log\n1\n")


def change_tile() -> None:
    hashes = bytes(TileModel.objects.get().hashes)
    TileModel.objects.update(hashes=bytes(32 * 3) + hashes[32 * 3 :])


def shorten_tile() -> None:
    TileModel.objects.update(hashes=b"")


def remove_tiles() -> None:
    TileModel.objects.all().delete()


def change_entry() -> None:
    execute("UPDATE enhancelog_entry SET intent = 'something else' WHERE position = 5")


def damage_salt() -> None:
    execute("UPDATE enhancelog_entry SET salt = 'no hex' WHERE position = 5")


def damage_digest() -> None:
    execute("UPDATE enhancelog_entry SET salt = NULL, digest = 'no hex' WHERE position = 5")


def execute(statement: str) -> None:
    with entries_unprotected(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("damage", "paths", "said"),
    [
        (damage_note, ["checkpoint", "proofs/h-4", "consistency?first=3", "tile/0/000"], "checkpoint is damaged"),
        (change_tile, ["proofs/h-4", "consistency?first=3"], "does not fit its checkpoint"),
        (shorten_tile, ["proofs/h-4", "consistency?first=3", "tile/0/000.p/5"], "has 0 bytes, not 160"),
        (remove_tiles, ["proofs/h-4", "consistency?first=3", "tile/0/000.p/5"], "has 0 bytes, not 160"),
        (change_entry, ["proofs/h-4"], "leads from the entry at index 4 to another root"),
        (damage_salt, ["proofs/h-4", "tile/entries/000.p/5"], "the entry at position 5 is damaged"),
        (damage_digest, ["proofs/h-4", "tile/entries/000.p/5"], "the entry at position 5 is damaged"),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_damage_is_503_that_names_it_and_never_a_proof_that_fails(
    client: Client, damage: Callable[[], None], paths: list[str], said: str
) -> None:
    grow(5)
    damage()
    for path in paths:
        response = client.get(f"{ROOT}/{path}")
        assert response.status_code == 503
        detail = response.json()["detail"]
        assert detail.startswith("The evidence cannot be read: ")
        assert said in detail


def test_a_missing_entry_ends_its_bundle(client: Client) -> None:
    grow(5)
    execute("DELETE FROM enhancelog_entry WHERE position = 4")
    assert client.get(f"{ROOT}/tile/entries/000.p/3").status_code == 200
    response = client.get(f"{ROOT}/tile/entries/000.p/4")
    assert response.status_code == 503
    assert "the entry at position 4 is missing; run verify_log" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("checkpoint", 2),  # the newest, and the cosigned one
        ("keys", 0),
        ("proofs/h-7", 5),  # the entry, both checkpoints, what its leaf is made of, tiles
        ("consistency?first=7", 4),
        ("consistency?first=7&second=8", 3),
        ("tile/0/000.p/9", 2),
        ("tile/entries/000.p/9", 3),
    ],
)
def test_statements_do_not_grow_with_the_log_and_use_indexes(client: Client, path: str, number: int) -> None:
    grow(10)
    few = asked(client, path)
    grow(700, 10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    many = asked(client, path)
    assert len(few) == len(many) <= number
    assert whole_tables(many) == set()


def asked(client: Client, path: str) -> CaptureQueriesContext:
    with CaptureQueriesContext(connection) as captured:
        read(client, path)
    return captured
