"""Compares trees, tiles, proofs and notes with golang.org/x/mod/sumdb, which nobody here wrote, in both directions."""

import base64
import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog.evidence import checkpoints, merkle, proof_files, proofs, signed_notes, tiles
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey, parse_signing_key, parse_verifier_key
from enhancelog.evidence.merkle import leaf_hash
from enhancelog.evidence.tile_building import TileBuilder
from enhancelog.evidence.tiles import WIDTH, Tile
from tests.api import test_evidence
from tests.evidence.go_programs import built
from tests.evidence.logs import KEY
from tests.evidence.trees import Tree, tree_of

pytestmark = [pytest.mark.heavy, pytest.mark.once]

SOURCE = Path(__file__).parent / "transparency" / "main.go"
TREE = tree_of(66_000)
EVERY = 70  # leaves of the largest tree of which all proofs are compared


class Go:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, do: str, **question: Any) -> dict[str, Any]:
        """Raises ``Unproven`` with Go's error."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **question}, default=encoded) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        if answer["Error"]:
            raise Unproven(answer["Error"])
        return answer

    def hashes(self, do: str, **question: Any) -> list[bytes]:
        return [base64.b64decode(each) for each in self.ask(do, **question)["Hashes"] or []]

    def refuses(self, do: str, **question: Any) -> bool:
        try:
            self.ask(do, **question)
        except Unproven:
            return True
        return False


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Go]:
    """With the whole tree."""
    program = built(SOURCE, tmp_path_factory.mktemp("go"))
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        found = Go(process)
        for begin in range(0, len(TREE.data), 10_000):
            found.ask("grow", leaves=TREE.data[begin : begin + 10_000])
        yield found
        assert process.stdin
        process.stdin.close()


def root(size: int, tree: Tree = TREE) -> bytes:
    return merkle.root(size, tree.read)


def some_sizes() -> Iterator[tuple[int, int]]:
    """Two sizes each, the smaller one first."""
    yield from ((old, new) for new in range(1, EVERY) for old in range(1, new + 1))
    chance = random.Random(6)
    for _ in range(300):
        new = chance.randrange(1, len(TREE.data))
        yield chance.randrange(1, new + 1), new


def test_roots(go: Go) -> None:
    for size in [*range(1, 300), 511, 512, 513, 65_535, 65_536, 65_537, len(TREE.data)]:
        assert go.hashes("root", size=size) == [root(size)]


def test_inclusion_proofs(go: Go) -> None:
    for number, size in some_sizes():
        index = number - 1
        proof = go.hashes("prove inclusion", size=size, index=index)
        assert proofs.inclusion(index, size, TREE.read) == proof
        leaf = leaf_hash(TREE.data[index])
        proofs.check_inclusion(leaf, index, size, root(size), proof)
        go.ask("check inclusion", size=size, index=index, root=root(size), leaf=leaf, proof=proof)


def test_consistency_proofs(go: Go) -> None:
    for old, new in some_sizes():
        proof = go.hashes("prove consistency", size=new, old=old)
        assert proofs.consistency(old, new, TREE.read) == proof
        proofs.check_consistency(old, new, root(old), root(new), proof)
        asked = {"size": new, "old": old, "root": root(new), "proof": proof}
        go.ask("check consistency", **asked, **{"from": root(old)})


def test_both_refuse_the_same_proofs(go: Go) -> None:
    chance = random.Random(7)
    refused = 0
    for _ in range(1_000):
        size = chance.randrange(2, 400)
        old, index = chance.randrange(1, size), chance.randrange(size)
        leaf = leaf_hash(TREE.data[index])
        proof = damaged(chance, proofs.inclusion(index, size, TREE.read))
        ours = is_refused(proofs.check_inclusion, leaf, index, size, root(size), proof)
        question = {"size": size, "index": index, "root": root(size), "leaf": leaf, "proof": proof}
        assert ours == go.refuses("check inclusion", **question)
        refused += ours
        proof = damaged(chance, proofs.consistency(old, size, TREE.read))
        ours = is_refused(proofs.check_consistency, old, size, root(old), root(size), proof)
        question = {"size": size, "old": old, "root": root(size), "from": root(old), "proof": proof}
        assert ours == go.refuses("check consistency", **question)
        refused += ours
    assert refused > 1_500


def damaged(chance: random.Random, proof: Sequence[bytes]) -> list[bytes]:
    """Mostly."""
    at, to = chance.randrange(len(proof)), chance.randrange(len(proof))
    swapped = list(proof)
    swapped[at], swapped[to] = swapped[to], swapped[at]
    flipped = proof[at][:7] + bytes([proof[at][7] ^ 1]) + proof[at][8:]
    return chance.choice(
        [swapped, [*proof[:at], flipped, *proof[at + 1 :]], [*proof[:at], *proof[at + 1 :]], [*proof, proof[at]]]
    )


def is_refused(check: Any, *arguments: object) -> bool:
    try:
        check(*arguments)
    except Unproven:
        return True
    return False


def of_go(tile: Tile) -> str:
    """Its path in the form of Go, which names the height."""
    return tile.path.replace("tile/", f"tile/{tiles.HEIGHT}/")


def test_tiles(go: Go) -> None:
    builder = TileBuilder()
    leaves = [leaf_hash(data) for data in TREE.data]
    for begin, end in ((0, 3), (3, 255), (255, 256), (256, 600), (600, 65_300), (65_300, 66_000)):
        found = list(builder.extend(leaves[begin:end]))
        # Go also names the narrower tiles of the sizes between.
        widest = {path.partition(".p/")[0]: path for path in go.ask("new tiles", old=begin, size=end)["Names"]}
        assert sorted(of_go(tile) for tile, _ in found) == sorted(widest.values())
        for tile, data in found:
            answer = go.ask("tile", level=tile.level, index=tile.index, width=tile.width)
            assert (base64.b64decode(answer["Data"]), answer["Text"]) == (data, of_go(tile))
        assert [builder.root()] == go.hashes("root", size=end)
    assert found[-1][0].width < WIDTH


@pytest.mark.django_db
def test_go_proves_entries_from_the_tiles_that_the_api_serves(go: Go, client: Client, settings: Settings) -> None:
    size = 600
    settings.PUBLIC_READ = True
    test_evidence.grow(size)
    note = test_evidence.read(client, "checkpoint")
    assert go.ask("open", text=note.decode(), keys=[str(KEY.verifier)])["Names"] == [KEY.verifier.name]
    stated = checkpoints.parse_text(signed_notes.parse(note).text)
    served = {of_go(tile): test_evidence.read(client, tile.path) for tile in test_evidence.tiles_of(size)}
    for index in (0, 255, 256, 599):
        proof = proof_files.parse(test_evidence.read(client, f"proofs/h-{index}"))
        bundle = test_evidence.read(client, f"tile/entries/{index // WIDTH:03}{'.p/88' if index >= 512 else ''}")
        inner = list(test_evidence.entries_of(bundle))[index % WIDTH]
        tree = {"size": size, "root": stated.root, "index": index, "leaf": leaf_hash(inner)}
        assert go.hashes("prove from tiles", **tree, files=served) == proof.hashes
    needed = {"tile/0/002.p/88", "tile/1/000.p/2"}
    for path in (of_go(tile) for tile in test_evidence.tiles_of(size) if tile.path in needed):
        changed = served[path][:-1] + bytes([served[path][-1] ^ 1])
        assert go.refuses("prove from tiles", **tree, files=served | {path: changed})


def test_keys_and_notes_of_go(go: Go) -> None:
    pairs = [go.ask("new key", text=f"{name}.example/log")["Names"] for name in ("first", "next")]
    for secret, public in pairs:
        key = parse_signing_key(secret)
        assert (key.secret_text, str(key.verifier)) == (secret, public)
    text = "first.example/log\n3\nö\n\nmore\n"
    note = go.ask("sign", text=text, keys=[secret for secret, _ in pairs])["Text"]
    assert signed_notes.sign(text, [parse_signing_key(secret) for secret, _ in pairs]).decode() == note
    verifiers = [parse_verifier_key(public) for _, public in pairs]
    assert signed_notes.parse(note.encode()).text == text
    assert [signed.key for signed in signed_notes.verify(signed_notes.parse(note.encode()), verifiers)] == verifiers
    assert [s.key for s in signed_notes.verify(signed_notes.parse(note.encode()), verifiers[1:])] == verifiers[1:]


def test_our_keys_and_checkpoints_in_go(go: Go) -> None:
    keys = [SigningKey.new("log.example"), SigningKey.new("other.example")]
    note = checkpoints.sign(Checkpoint("go.sum database tree", 99, root(99)), keys).decode()
    for known in (keys, keys[1:]):
        opened = go.ask("open", text=note, keys=[str(key.verifier) for key in known])
        assert opened["Names"] == [key.verifier.name for key in known]
        assert opened["Text"] == f"go.sum database tree\n99\n{encoded(root(99))}\n"
        assert opened["Hashes"] == [encoded(root(99))]
    assert go.refuses("open", text=note, keys=[str(SigningKey.new("other.example").verifier)])
    assert go.refuses("open", text=note.replace("\n99\n", "\n98\n"), keys=[str(keys[0].verifier)])


def test_what_go_refuses_of_notes_we_refuse(go: Go) -> None:
    chance = random.Random(8)
    key = SigningKey.new("log.example")
    note = checkpoints.sign(Checkpoint("log.example", 99, root(99)), [key])
    ours = theirs = 0
    for _ in range(1_000):
        at = chance.randrange(len(note))
        mutated = note[:at] + bytes([note[at] ^ 1 << chance.randrange(7)]) + note[at + 1 :]
        if not mutated.isascii() and b"\xe2\x80\x94" not in mutated:
            continue  # JSON cannot carry it to Go
        is_refused_here = is_refused(
            lambda data: signed_notes.verify(signed_notes.parse(data), [key.verifier]), mutated
        )
        is_refused_there = go.refuses("open", text=mutated.decode(), keys=[str(key.verifier)])
        assert is_refused_here or not is_refused_there
        ours += is_refused_here
        theirs += is_refused_there
    assert ours >= theirs > 900
