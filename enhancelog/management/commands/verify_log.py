"""Exit code 1 if there are findings."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from enhancelog.agents import verifier_keys
from enhancelog.domain.errors import Invalid, StoreError
from enhancelog.evidence import checkpoints, kept_checkpoints
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey
from enhancelog.maintenance import evidence_keys
from enhancelog.maintenance.evidence_verification import Known
from enhancelog.management.reporting import CannotRun, ReportingCommand
from enhancelog.management.verifying import verify
from enhancelog.store import evidence


class Command(ReportingCommand):
    help = (
        "Recompute every digest; check positions, versions, triggers, the projections and the signed tree against the "
        "log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--against",
            metavar="FILE",
            action="append",
            default=[],
            help="a checkpoint of this log that was kept elsewhere, or what has one: a receipt, the manifest of a copy",
        )
        parser.add_argument(
            "--key",
            metavar="KEY",
            action="append",
            default=[],
            help="the log's, NAME+HASH+KEY, or a file with one in each line, if it is not this server's any more",
        )

    def report(self, **options: Any) -> bool:
        return verify(self.stdout, self.stderr, _known(options["against"], options["key"]))


def _known(files: Sequence[str], given: Sequence[str]) -> list[Known]:
    if not files:
        if given:
            raise CannotRun("--key: is for --against, which names a checkpoint that was kept elsewhere")
        return []
    try:
        keys = verifier_keys.of_logs("--key", given)
        keys += evidence_keys.verifiers()
        if not keys:
            raise CannotRun("--against: this server has no key; name the key of the log with --key")
        return [_opened(file, keys, _origin()) for file in files]
    except Invalid as error:
        raise CannotRun(str(error)) from None


def _opened(file: str, keys: Sequence[VerifierKey], origin: str) -> Known:
    data = verifier_keys.file_content(file, kept_checkpoints.MAX_BYTES)
    try:
        found = checkpoints.open_signed(kept_checkpoints.note_in(data), keys).checkpoint
    except Unproven as reason:
        raise CannotRun(f"--against {file}: {reason}; if the log had another key then, name it with --key") from None
    if origin and found.origin != origin:
        raise CannotRun(
            f"--against {file}: is of the log {found.origin}, but this one is {origin}: another log, or this one was "
            "written anew with another key"
        )
    return Known(file, found)


def _origin() -> str:
    try:
        stored = evidence.stored()
    except StoreError:  # a finding of its own
        return ""
    return stored.checkpoint.origin if stored else ""
