"""Checkpoints of the stored log, signed with a key of the test."""

from collections.abc import Sequence
from typing import Final

from enhancelog.evidence.keys import SigningKey
from enhancelog.store import evidence

KEY: Final = SigningKey("log-1", b"k" * 32)


def settle(keys: Sequence[SigningKey] = (KEY,)) -> None:
    """All that was appended is in the checkpoint."""
    while evidence.step(keys):
        pass
