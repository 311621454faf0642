"""Receipts: what they prove, and that nothing else passes for one."""

import hashlib
import json
import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.evidence import checkpoints, leaves, proof_files, receipts
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey
from enhancelog.evidence.merkle import leaf_hash
from enhancelog.evidence.proof_files import ProofFile
from tests import limited
from tests.evidence.logs import AUTHOR, KEY, NEXT_KEY, RECORDED_MS, WITNESS, Log, witnessed
from tests.evidence.test_signed_notes import mutate
from tests.strategies import entries

LOG = Log(100)
FORK = Log(100, "forked")
SIZE = 77
INDEX = 41
RECEIPT = LOG.receipt(INDEX, SIZE)
SPECIFIED = """\
c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog hI2DJw==
"""


def accepts(data: bytes) -> bool:
    try:
        receipts.verify(data, [KEY.verifier])
    except Unproven:
        return False
    return True


def changed(data: bytes = RECEIPT, **parts: object) -> bytes:
    return proof_files.write(msgspec.structs.replace(proof_files.parse(data), **parts))


def with_leaf(**fields: object) -> bytes:
    """With another one beside the same proof; a field that is None goes."""
    leaf = json.loads(proof_files.parse(RECEIPT).extra or b"") | fields
    kept = {name: value for name, value in leaf.items() if value is not None}
    return changed(extra=msgspec.json.encode(kept))


def test_the_specifications_format() -> None:
    proof = proof_files.parse(SPECIFIED.encode())
    assert (proof.index, len(proof.hashes), proof.extra) == (73_894, 2, b"age-v1.2.1-darwin-arm64.tar.gz")
    assert proof.checkpoint.startswith(b"example.com/fancylog\n109482\n")
    assert proof_files.write(proof) == SPECIFIED.encode()
    without = SPECIFIED.replace(SPECIFIED.split("\n")[1] + "\n", "")
    assert proof_files.parse(without.encode()).extra is None
    assert proof_files.write(proof_files.parse(without.encode())) == without.encode()


def test_a_receipt_proves_the_entry_its_index_and_when_it_was_recorded() -> None:
    proven = receipts.verify(RECEIPT, [KEY.verifier])
    assert (proven.checkpoint, proven.index) == (LOG.checkpoint(SIZE), INDEX)
    assert proven.entry == LOG.entries[INDEX]
    assert proven.leaf == LOG.shown(INDEX)


def test_the_bytes_of_a_leaf() -> None:
    """As documented, computed from what a receipt has with nothing of ours."""
    extra = json.loads(proof_files.parse(RECEIPT).extra or b"")
    record = json.dumps(extra["entry"], ensure_ascii=False, separators=(",", ":")).encode()
    parts = [INDEX + 1, hashlib.sha256(record).hexdigest()]
    parts += [extra[name] for name in ("recorded_ms", "actor_kind", "actor_name", "source")]
    envelope = json.dumps(["entry", *parts], ensure_ascii=False, separators=(",", ":")).encode()
    inner = hashlib.sha256(bytes.fromhex(extra["salt"]) + record + hashlib.sha256(envelope).digest()).digest()
    assert inner == LOG.inners[INDEX]
    assert hashlib.sha256(b"\0" + inner).digest() == leaves.leaf(inner) == leaf_hash(inner)


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(17)])
def test_a_salt_has_its_length(salt: bytes) -> None:
    with pytest.raises(ValueError, match="a salt has 16 bytes"):
        leaves.inner_of_record(salt, b"{}", 1, 0, AUTHOR)
    assert len(set(leaves.new_salts(100))) == 100


def test_a_receipt_that_hides_the_entry_proves_its_place() -> None:
    proven = receipts.verify(LOG.receipt(INDEX, SIZE, leaf=LOG.hidden(INDEX)), [KEY.verifier])
    assert (proven.entry, proven.index, proven.checkpoint.size) == (None, INDEX, SIZE)
    assert not accepts(LOG.receipt(INDEX, SIZE, leaf=FORK.hidden(INDEX)))


def test_a_receipt_by_both_keys_of_a_rotation_and_a_witness() -> None:
    receipt = LOG.receipt(INDEX, SIZE, note=witnessed(LOG.signed(SIZE, KEY, NEXT_KEY)))
    for keys in ([KEY.verifier], [NEXT_KEY.verifier], [KEY.verifier, NEXT_KEY.verifier]):
        assert len(receipts.verify(receipt, keys, [WITNESS]).signed) == len(keys) + 1
    with pytest.raises(Unproven, match="none by the witness"):
        receipts.verify(RECEIPT, [KEY.verifier], [WITNESS])


@given(entries(), st.text(st.characters(exclude_categories=["Cs"]), max_size=9), st.integers(0, 2**40))
def test_any_entry_has_a_receipt(entry: Entry, name: str, recorded_ms: int) -> None:
    log = Log(3)
    origin = Origin("user", name, "api")
    log.inners[2] = leaves.inner_of_record(bytes(16), records.encode(entry), 3, recorded_ms, origin)
    receipt = log.receipt(2, 3, leaf=receipts.shown(entry, bytes(16), recorded_ms, origin))
    proven = receipts.verify(receipt, [KEY.verifier])
    assert proven.entry == entry
    assert proof_files.write(proof_files.parse(receipt)) == receipt


def false_receipts() -> Iterator[tuple[str, bytes]]:
    """Whole in their form; each says something that is not so."""
    proof = proof_files.parse(RECEIPT)
    entry = json.loads(records.encode(LOG.entries[INDEX]))
    yield "other index", changed(index=INDEX + 1)
    yield "index beyond the tree", changed(index=SIZE)
    yield "huge index", changed(index=2**63 - 1)
    yield "size 0", changed(checkpoint=LOG.signed(0))
    yield "size 0, no proof", changed(checkpoint=LOG.signed(0), index=0, hashes=[])
    yield "older checkpoint", changed(checkpoint=LOG.signed(INDEX))
    yield "other size", changed(checkpoint=LOG.signed(SIZE + 1))
    yield "other tree", changed(checkpoint=FORK.signed(SIZE))
    yield "other tree's proof", changed(hashes=FORK.proof(INDEX, SIZE))
    yield "other tree's receipt, our checkpoint", changed(FORK.receipt(INDEX, SIZE), checkpoint=LOG.signed(SIZE))
    yield "other entry's proof", changed(hashes=LOG.proof(INDEX + 1, SIZE))
    yield "other entry's leaf", changed(extra=proof_files.parse(LOG.receipt(INDEX + 1, SIZE)).extra)
    yield "proof reversed", changed(hashes=proof.hashes[::-1])
    yield "proof too short", changed(hashes=proof.hashes[:-1])
    yield "proof too long", changed(hashes=[*proof.hashes, bytes(32)])
    yield "no proof", changed(hashes=[])
    yield "no leaf", changed(extra=None)
    yield "empty leaf", changed(extra=b"")
    yield "wrong origin", changed(checkpoint=other_origin())
    yield "wrong key", LOG.receipt(INDEX, SIZE, note=LOG.signed(SIZE, SigningKey(KEY.verifier.name, b"x" * 32)))
    yield "other entry", with_leaf(entry=entry | {"intent": "another"})
    yield "entry with a field more", with_leaf(entry=entry | {"more": 1})
    yield "entry with a key twice", changed(extra=(proof.extra or b"").replace(b'{"issue', b'{"issue_id":"x","issue'))
    yield "entry with white space", changed(extra=(proof.extra or b"").replace(b'"main"', b' "main"'))
    yield "leaf with white space", changed(extra=(proof.extra or b"").replace(b',"salt"', b', "salt"'))
    yield "leaf in another order", reordered()
    yield "other salt", with_leaf(salt="0" * 32)
    yield "salt in capitals", with_leaf(salt="AB" * 16)
    yield "short salt", with_leaf(salt="00")
    yield "salt and a newline", with_leaf(salt=LOG.salts[INDEX].hex() + "\n")
    yield "no salt", with_leaf(salt=None)
    yield "other time", with_leaf(recorded_ms=RECORDED_MS)
    yield "time before 1970", with_leaf(recorded_ms=-1)
    yield "time as text", with_leaf(recorded_ms=str(RECORDED_MS + INDEX))
    yield "other author", with_leaf(actor_name="agent-8")
    yield "other kind of author", with_leaf(actor_kind="user")
    yield "other channel", with_leaf(source="import")
    yield "an unknown field", with_leaf(more=1)
    yield "the other form's field", with_leaf(inner=LOG.inners[INDEX].hex())
    yield "another form", with_leaf(leaf="other")
    yield "nested too deeply", changed(extra=b'{"leaf":"entry","entry":' + b"[" * 100_000)
    yield "deep in an entry", with_deep_meta()


def other_origin() -> bytes:
    other = SigningKey("other.example", b"k" * 32)
    return checkpoints.sign(Checkpoint("other.example", SIZE, LOG.tree.root(0, SIZE)), [other, KEY])


def reordered() -> bytes:
    leaf = json.loads(proof_files.parse(RECEIPT).extra or b"")
    return changed(extra=msgspec.json.encode(dict(reversed(leaf.items()))))


def with_deep_meta() -> bytes:
    extra = proof_files.parse(RECEIPT).extra or b""
    depth = 50_000
    deep = b"[" * depth + b"]" * depth
    return changed(extra=extra.replace(b'},"salt"', b',"meta":{"a":' + deep + b'}},"salt"'))


FALSE = dict(false_receipts())


@pytest.mark.parametrize("what", FALSE)
def test_a_false_receipt_is_refused(what: str) -> None:
    with pytest.raises(Unproven) as caught:
        receipts.verify(FALSE[what], [KEY.verifier])
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


def test_no_mutation_of_a_receipt_verifies() -> None:
    chance = random.Random(4)
    originals = [LOG.receipt(index, size) for index, size in ((0, 1), (0, 2), (5, 6), (INDEX, SIZE), (99, 100))]
    assert all(map(accepts, originals))
    assert not [mutated for _ in range(1_000) if accepts(mutated := mutate(chance, chance.choice(originals)))]
    assert not any(accepts(RECEIPT[:end]) for end in range(len(RECEIPT)))


def test_no_mutation_of_its_lines_verifies() -> None:
    chance = random.Random(5)
    lines = RECEIPT.splitlines(keepends=True)
    others = [LOG.receipt(INDEX + 1, SIZE), FORK.receipt(INDEX, SIZE), LOG.receipt(INDEX, SIZE + 1)]
    foreign = [line for other in others for line in other.splitlines(keepends=True)]
    refused = 0
    for _ in range(1_000):
        at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
        mutated = list(lines)
        mutated[at] = chance.choice([lines[to], chance.choice(foreign), b"", lines[at] + lines[to]])
        if mutated == lines or mutated == [*lines, lines[-1]]:
            continue
        if b"".join(mutated) == RECEIPT + lines[-1]:  # the same signature twice, which says nothing else
            continue
        assert not accepts(b"".join(mutated)), b"".join(mutated)
        refused += 1
    assert refused > 800


def test_the_bits_that_base64_ignores_are_not_ignored() -> None:
    ending = [line for line in RECEIPT.splitlines() if line.endswith(b"=")]
    assert len(ending) > 7
    for line in ending:
        spelling = line.rstrip(b"=")
        other = spelling[:-1] + bytes([spelling[-1] + 1]) + line[len(spelling) :]
        assert not accepts(RECEIPT.replace(line, other))


@pytest.mark.parametrize(
    "text",
    [
        "c2sp.org/tlog-proof@v2\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\n",
        "c2sp.org/tlog-proof@v1\nindex -1\n\n",
        "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\n",
        "c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 0\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\r\n\n",
        "c2sp.org/tlog-proof@v1\nindex ٠\n\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + f"{'A' * 43}=\n" * 65 + "\n",
    ],
)
def test_what_is_no_proof_file(text: str) -> None:
    with pytest.raises(Unproven):
        proof_files.parse(text.encode())


def test_a_proof_file_has_at_most_64_mib() -> None:
    with pytest.raises(Unproven, match="the limit is 67,108,864"):
        proof_files.parse(bytes(proof_files.MAX_BYTES + 1))


HOSTILE = r"""
from enhancelog.evidence import checkpoints, proof_files, receipts, signed_notes, tiles
from enhancelog.evidence.errors import Unproven
from tests.evidence.logs import KEY, Log

LOG = Log(1)
SIZE = 2 << 20
HEAD = b"c2sp.org/tlog-proof@v1\n"
NOTE = "— a QUJDREU=\n".encode()

def refuses(read, data):
    try:
        read(data)
    except Unproven:
        return
    raise AssertionError(data[:100])

for unit in (b"\n", b"=", b"A", b" ", b"+", b"\n\n", b"x\n", b"[", b"\\u0000", NOTE):
    filler = unit * (SIZE // len(unit))
    for before in (b"", HEAD, HEAD + b"extra ", HEAD + b"index ", HEAD + b"index 0\n", HEAD + b"index 0\n\na\n0\n"):
        for after in (b"", b"\n\n" + NOTE, b"\n\n" + filler):
            refuses(lambda data: receipts.verify(data, [KEY.verifier]), before + filler + after)
    for leaf in (filler, b'{"leaf":"entry","entry":' + filler, b'{"leaf":"entry","salt":"' + filler):
        receipt = proof_files.write(proof_files.ProofFile(0, [], LOG.signed(1), leaf))
        refuses(lambda data: receipts.verify(data, [KEY.verifier]), receipt)
    refuses(checkpoints.parse_text, filler.decode())
    refuses(signed_notes.parse, filler)
    refuses(tiles.parse_path, filler.decode())
"""


@pytest.mark.slow
def test_hostile_files_cost_what_their_length_warrants() -> None:
    limited.assert_ends(HOSTILE, cpu_s=30)


def test_a_proof_file_is_told_apart_from_a_receipt() -> None:
    with pytest.raises(Unproven, match="not the receipt of an entry"):
        receipts.verify(proof_files.write(ProofFile(0, [], LOG.signed(1))), [KEY.verifier])
