"""``evidence_key [--name NAME | --rotate | --retire | --replace] [--into FILE]``"""

# No secret is printed, except where ``--into -`` asks for it, and never to a terminal.

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from enhancelog.domain.origin import Origin
from enhancelog.maintenance import evidence_key_changes as changes
from enhancelog.maintenance import evidence_keys, evidence_status
from enhancelog.maintenance.evidence_key_changes import Keep, Keys
from enhancelog.management.database import Needs, prepare
from enhancelog.management.reporting import CannotRun, ReportingCommand, counted, printable
from enhancelog.store import evidence
from enhancelog.store.database import last_position

_CHANGES: Final[dict[str, Callable[[Origin, Keep], Keys]]] = {
    "rotate": changes.rotate,
    "retire": changes.retire,
    "replace": changes.replace_lost,
}
_TELL: Final = (
    "The old key is lost, so nothing proves to others that this one is of the same log. Tell everybody who verifies, "
    "on another way than by this server. What the old key signed stays valid for it."
)


class Command(ReportingCommand):
    help = "Show the name and the public keys of the log's evidence, or change its signing keys."
    needs = Needs.NOTHING  # ``--into`` makes a first key before there is a database
    interrupted = "The keys are as before, or as asked for; evidence_key shows them."

    def add_arguments(self, parser: CommandParser) -> None:
        change = parser.add_mutually_exclusive_group()
        change.add_argument("--name", help="make the first key, of this name; before the first entry is signed")
        change.add_argument("--rotate", action="store_true", help="add a key; all of them sign from then on")
        change.add_argument("--retire", action="store_true", help="remove all keys but the newest")
        change.add_argument("--replace", action="store_true", help="make a new key, because the old one is lost")
        parser.add_argument(
            "--into",
            metavar="FILE",
            help=f"write the keys to a new FILE, or to standard output (-), for {evidence_keys.SETTING}",
        )

    def report(self, **options: Any) -> bool:
        name, into = options["name"], options["into"]
        change = next((each for each in _CHANGES if options[each]), "")
        if into is not None and not change:
            return self._make(name, into)
        prepare(Needs.CURRENT if name is None else Needs.CREATED, self.stderr.write)
        if name is None and not change:
            return self._show()
        self._check_into(into)
        keep = evidence_keys.replace if into is None else partial(self._write, into)
        run = _CHANGES[change] if change else partial(changes.begin, name)
        keys = run(Origin("command", "evidence_key", "command"), keep)
        self._say(change, keys, into)
        return False

    def _make(self, name: str | None, into: str) -> bool:
        if evidence_keys.present():
            raise CannotRun(f"--into: there is a key already, {evidence_keys.where()}; --rotate adds another one")
        self._write(into, [changes.new_key(name or evidence_keys.new_name())])
        return False

    def _check_into(self, into: str | None) -> None:
        if evidence_keys.is_set() and into is None:
            raise CannotRun(
                f"the keys are in {evidence_keys.SETTING}, which this command cannot change; add --into FILE, and set "
                "it to what is in FILE then"
            )
        if into is not None and not evidence_keys.is_set():
            raise CannotRun(f"--into: the keys are in {evidence_keys.path()}, where they are changed without it")

    def _write(self, into: str, keys: Keys) -> None:
        if into == "-":
            if self.stdout.isatty():
                raise CannotRun("--into -: standard output is a terminal; redirect it to a file, or name one")
            self.stdout.write(evidence_keys.text_of(keys), ending="")
        else:
            evidence_keys.write_new(Path(into).absolute(), keys)

    def _say(self, change: str, keys: Keys, into: str | None) -> None:
        say = self.stdout.write if into != "-" else self.stderr.write
        for key in keys:
            say(f"public key: {key.verifier}")
        if into is not None:
            say(printable(f"Set {evidence_keys.SETTING} of all servers to what was written, and restart them."))
        elif change:
            say("A running server uses this within seconds. Copy the file to the other servers of this log, if any.")
        if change == "replace":
            say(_TELL)

    def _show(self) -> bool:
        found, signed = evidence_status.look(last_position()), evidence.stored()
        for line in (f"log: {found.name or 'has no name before the server signs'}", f"signing keys: {found.kept}"):
            self.stdout.write(printable(line))
        for key in evidence_keys.present():
            has_signed = signed is not None and signed.is_signed_by_one_of([key])
            self.stdout.write(f"public key: {key.verifier}{'' if has_signed else ' (has not signed yet)'}")
        if found.signed_ms is not None:
            when = f"{datetime.fromtimestamp(found.signed_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
            self.stdout.write(f"last checkpoint: {counted(found.size, 'entries')}, {when}")
        for problem in (found.no_key and f"this server signs nothing: {found.no_key}", found.damage):
            if problem:
                self.stdout.write(printable(f"{problem}; see {settings.PROGRAM} check"))
        return bool(found.no_key or found.damage)
