"""A witness of its own, in a thread, and every way in which one can misbehave."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from enhancelog.evidence import growth_files
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.ed25519 import public_key
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import COSIGNATURE, VerifierKey
from enhancelog.evidence.merkle import EMPTY_ROOT
from enhancelog.evidence.witnesses import Witness
from tests.alerts.receivers import Handler, Receiver, answering, receiving
from tests.evidence.logs import WITNESS, cosignature

OTHER_SEED: Final = b"o" * 32
OTHER: Final = VerifierKey("other.example/w2", COSIGNATURE, public_key(OTHER_SEED))


class Honest:
    """Cosigns what has grown from what it cosigned before."""

    def __init__(self, origin: str, log_keys: list[VerifierKey], lines: Callable[[bytes], bytes] | None = None) -> None:
        self.keys = log_keys
        self.lines = lines or cosignature
        self.cosigned = Checkpoint(origin, 0, EMPTY_ROOT)

    def __call__(self, handler: Handler) -> None:
        body = handler.server.received[-1].body
        growth = growth_files.parse(body)
        size = self.cosigned.size
        if growth.old != size:
            return answering(409, f"{size}\n".encode(), **{"Content-Type": "text/x.tlog.size"})(handler)
        try:
            self.cosigned = growth_files.verify(self.cosigned, body, self.keys).checkpoint
        except Unproven:
            return answering(422, b"no consistency")(handler)
        return answering(200, self.lines(growth.checkpoint))(handler)


@contextmanager
def serving(behave: Callable[[Handler], None], key: VerifierKey = WITNESS) -> Iterator[tuple[Receiver, Witness]]:
    with receiving(behave) as server:
        yield server, Witness(key, f"http://127.0.0.1:{server.port}/w")
