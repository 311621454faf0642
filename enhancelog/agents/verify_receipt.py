"""The command that verifies a receipt, without a server."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.evidence import keys, proof_files, receipts
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey
from enhancelog.evidence.receipts import LATEST_MS, Proven, Shown
from enhancelog.transfer.whole_files import content

MAX_KEY_BYTES: Final = 1 << 16  # of a file with keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("receipt", metavar="RECEIPT", help="a file, or - for standard input")
    parser.add_argument(
        "--key",
        metavar="KEY",
        action="append",
        required=True,
        help="the log's, NAME+HASH+KEY, or a file with one in each line; repeated: any of them will do",
    )
    parser.add_argument(
        "--witness", metavar="KEY", action="append", default=[], help="likewise a witness's; each must have signed"
    )


def proven(options: argparse.Namespace) -> Proven:
    """Raises ``Unproven``; ``Invalid``: a wrong argument."""
    of_log = _keys("--key", options.key)
    of_witnesses = _keys("--witness", options.witness)
    if key := next((key for key in of_log if key.is_witness), None):
        raise Invalid("--key", "key", f"{key.name} is a witness; use --witness")
    if key := next((key for key in of_witnesses if not key.is_witness), None):
        raise Invalid("--witness", "key", f"{key.name} is no witness; use --key")
    return receipts.verify(_receipt(options.receipt), of_log, of_witnesses)


def sentence(found: Proven) -> str:
    checkpoint = found.checkpoint
    what = f"entry {_quoted(found.entry.issue_id)}" if found.entry else "an entry that the receipt does not show"
    where = f"index {found.index} of the log {checkpoint.origin} when it had {checkpoint.size} entries"
    return "; ".join([f"valid: {what} is at {where}", *_recorded(found), *_witnessed(found)])


# Whoever appends chooses these names, which could look like another part of the sentence.
def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _recorded(found: Proven) -> Sequence[str]:
    leaf = found.leaf
    if not isinstance(leaf, Shown):
        return []
    return [f"the log recorded it at {_time(leaf.recorded_ms)}, by {leaf.actor_kind} {_quoted(leaf.actor_name)}"]


def _witnessed(found: Proven) -> Sequence[str]:
    times = {signed.key.name: signed.time_s for signed in found.signed if signed.time_s is not None}
    return [f"{name} witnessed it at {_time(time_s * 1000)}" for name, time_s in times.items()]


def _time(epoch_ms: int) -> str:
    if epoch_ms > LATEST_MS:
        return f"{epoch_ms} ms after 1970"
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _receipt(name: str) -> bytes:
    if name != "-":
        return _content(name, proof_files.MAX_BYTES)
    data = sys.stdin.buffer.read(proof_files.MAX_BYTES + 1)
    if len(data) > proof_files.MAX_BYTES:
        raise TooLarge("standard input", len(data), proof_files.MAX_BYTES)
    return data


def _keys(option: str, given: Sequence[str]) -> list[VerifierKey]:
    return [key for each in given for key in _keys_of(option, each)]


def _keys_of(option: str, given: str) -> list[VerifierKey]:
    try:
        return [keys.parse_verifier_key(given)]
    except Unproven as reason:
        fault = Invalid(option, "key", str(reason))
    try:
        lines = _content(given, MAX_KEY_BYTES).decode(errors="replace").splitlines()
    except Invalid:
        if "+" in given:  # no file, but meant as a key
            raise fault from None
        raise
    try:
        found = [keys.parse_verifier_key(line) for line in lines if line.strip()]
    except Unproven as reason:
        raise Invalid(f"{option} {given}", "key", str(reason)) from None
    if not found:
        raise Invalid(f"{option} {given}", "key", "has no key")
    return found


def _content(name: str, max_bytes: int) -> bytes:
    try:
        return content(Path(name), max_bytes)
    except Invalid as error:
        raise Invalid(name, error.rule, error.detail) from None
