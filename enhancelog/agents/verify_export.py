"""Verifies an export of the whole log with signed checkpoints, without a server."""

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from enhancelog.agents import verifier_keys
from enhancelog.agents.verifier_keys import file_content
from enhancelog.domain.errors import Invalid
from enhancelog.evidence import checkpoints, exports, kept_checkpoints, proof_files
from enhancelog.evidence.checkpoints import Opened
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.exports import Proven

_RECEIPT: Final = proof_files.FIRST_LINE.encode()


def sentence(options: argparse.Namespace) -> str:
    """What is proven. Raises ``Unproven``; ``Invalid``: a wrong argument."""
    of_log = verifier_keys.of_logs("--key", options.key)
    of_witnesses = verifier_keys.of_witnesses("--witness", options.witness)
    opened: list[Opened] = []
    for name in options.checkpoint:
        note = kept_checkpoints.note_in(file_content(name, kept_checkpoints.MAX_BYTES))
        opened.append(checkpoints.open_signed(note, of_log, of_witnesses))
    signed = sorted((each.checkpoint for each in opened), key=lambda checkpoint: checkpoint.size)
    origin = signed[-1].origin
    if other := next((each.origin for each in signed if each.origin != origin), None):
        raise Invalid("--checkpoint", "origin", f"they are of two logs, {origin} and {other}")
    with _opened(options.receipt) as file:
        proven = exports.verify(_lines(file), signed)
    return "; ".join([f"valid: all {_entries(signed[-1].size)} of the log {origin}", *_told(proven, len(signed))])


def is_export(name: str) -> bool:
    """Whether a file begins as an export does; standard input is not looked at."""
    if name == "-":
        return False
    with _opened(name) as file:
        return file.read(len(exports.FIRST_BYTES)) == exports.FIRST_BYTES


def _told(proven: Proven, checkpoints: int) -> Iterator[str]:
    yield f"{proven.shown} shown"
    what, left = ("it was", "it is") if proven.redacted == 1 else ("they were", "them is")
    said = f": that {what} there is proven, but what is left of {left} not" if proven.redacted else ""
    yield f"{proven.redacted} redacted{said}"
    if checkpoints > 1:
        yield f"{checkpoints} checkpoints fit"


def _entries(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(exports.LONGEST_LINE):
        if line.startswith(_RECEIPT):
            raise Unproven("it is a receipt; verify it without --checkpoint")
        yield line


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        # Without waiting: a named pipe would have no end.
        with open(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Invalid(name, "file", "is not a regular file; for a pipe, use -")
            yield file
    except OSError as error:
        raise Invalid(name, "file", f"cannot be read: {error.strerror}") from None
