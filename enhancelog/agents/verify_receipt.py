"""The command that verifies a receipt, without a server."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from enhancelog.agents import verifier_keys
from enhancelog.agents.verifier_keys import file_content
from enhancelog.domain.errors import TooLarge
from enhancelog.evidence import proof_files, receipts
from enhancelog.evidence.receipts import LATEST_MS, Proven, Shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "receipt", metavar="FILE", help="a receipt, or with --checkpoint an export; - for standard input"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        action="append",
        default=[],
        help="that of an export by export_log --evidence; repeated: also older ones, or receipts, that were kept",
    )
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
    of_log = verifier_keys.of_logs("--key", options.key)
    of_witnesses = verifier_keys.of_witnesses("--witness", options.witness)
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
        return file_content(name, proof_files.MAX_BYTES)
    data = sys.stdin.buffer.read(proof_files.MAX_BYTES + 1)
    if len(data) > proof_files.MAX_BYTES:
        raise TooLarge("standard input", len(data), proof_files.MAX_BYTES)
    return data
