"""Witnesses (C2SP tlog-witness): who cosigns a checkpoint after a look at how the log grew."""

from typing import Final, NamedTuple

from enhancelog.evidence.encodings import parse_number
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey

LONGEST_SIZE: Final = 20  # bytes


class Witness(NamedTuple):
    key: VerifierKey
    url: str  # the submission prefix, without a slash at its end

    @property
    def add_checkpoint(self) -> str:
        return f"{self.url}/add-checkpoint"


def parse_size(answer: bytes) -> int:
    """The size of the checkpoint that a witness cosigned last, from its 409. Raises ``Unproven``."""
    if len(answer) > LONGEST_SIZE or not answer.isascii() or not answer.endswith(b"\n"):
        raise Unproven("size: the answer must be a number and a newline")
    return parse_number(answer.decode()[:-1], "size")
