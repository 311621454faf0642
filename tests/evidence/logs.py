"""A log that makes receipts, without a server."""

import base64

from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.evidence import checkpoints, leaves, proofs, receipts
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.ed25519 import public_key, sign
from enhancelog.evidence.keys import COSIGNATURE, SigningKey, VerifierKey
from enhancelog.evidence.receipts import Leaf
from enhancelog.evidence.signed_notes import parse
from tests.evidence.trees import Tree
from tests.factories import make_rejected

ORIGIN = "log.example.org"
KEY = SigningKey(ORIGIN, b"k" * 32)
NEXT_KEY = SigningKey(ORIGIN, b"n" * 32)
WITNESS_SEED = b"w" * 32
WITNESS = VerifierKey("witness.example/w1", COSIGNATURE, public_key(WITNESS_SEED))
WITNESSED_S = 1_795_000_060
RECORDED_MS = 1_795_000_000_123
AUTHOR = Origin("token", "agent-7", "api")


class Log:
    """``name``: of its entries, so that logs differ."""

    def __init__(self, size: int, name: str = "h") -> None:
        self.entries = [make_rejected(issue_id=f"{name}-{number}") for number in range(size)]
        self.salts = [f"{number:016}".encode() for number in range(size)]
        self.inners = [self._inner(number) for number in range(size)]
        self.tree = Tree(self.inners)

    def _inner(self, index: int) -> bytes:
        record = records.encode(self.entries[index])
        return leaves.inner_of_record(self.salts[index], record, index + 1, RECORDED_MS + index, AUTHOR)

    def checkpoint(self, size: int, origin: str = ORIGIN) -> Checkpoint:
        return Checkpoint(origin, size, self.tree.root(0, size))

    def signed(self, size: int, *keys: SigningKey) -> bytes:
        return checkpoints.sign(self.checkpoint(size), keys or [KEY])

    def shown(self, index: int) -> Leaf:
        return receipts.shown(self.entries[index], self.salts[index], RECORDED_MS + index, AUTHOR)

    def hidden(self, index: int) -> Leaf:
        return receipts.hidden(self.inners[index])

    def proof(self, index: int, size: int) -> list[bytes]:
        return proofs.inclusion(index, size, self.tree.read)

    def receipt(self, index: int, size: int, *, note: bytes = b"", leaf: Leaf | None = None) -> bytes:
        return receipts.write(leaf or self.shown(index), index, self.proof(index, size), note or self.signed(size))


def witnessed(note: bytes, time_s: int = WITNESSED_S) -> bytes:
    return note + cosignature(note, time_s)


def cosignature(note: bytes, time_s: int = WITNESSED_S, seed: bytes = WITNESS_SEED, by: VerifierKey = WITNESS) -> bytes:
    """The line, made as C2SP's tlog-cosignature says."""
    text = parse(note).text
    signature = sign(seed, f"cosignature/v1\ntime {time_s}\n{text}".encode())
    content = base64.b64encode(by.id + time_s.to_bytes(8, "big") + signature).decode()
    return f"— {by.name} {content}\n".encode()
