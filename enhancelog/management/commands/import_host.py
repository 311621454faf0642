"""Exit codes: 0 done, 1 done with findings, 2 could not run, 130 interrupted."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser, DjangoHelpFormatter

from enhancelog.backends import dialect, faults
from enhancelog.domain import records
from enhancelog.domain.causes import MEANINGS
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.host import importing
from enhancelog.host.importing import KINDS
from enhancelog.host.recognition import Kind, Store, recognize
from enhancelog.management.database import Needs
from enhancelog.management.findings import ShownFindings, new
from enhancelog.management.reporting import CannotRun, Report, ReportingCommand, counted, progress
from enhancelog.queries.observed import Summary, summary
from enhancelog.store import host_derivation
from enhancelog.transfer.findings import FindingsFile
from enhancelog.transfer.importer import Counts, Finding, import_entries
from enhancelog.transfer.items import Unreadable
from enhancelog.transfer.sources import open_source

_HELP: Final[dict[Kind, str]] = {
    "log": "the enhance log (SQLite file)",
    "outputs": "the output store (SQLite file)",
    "issues": "the issue store (SQLite file)",
    "settings": "the settings store (SQLite file)",
    "git": "the git store: a bare repository, a folder of some, or a .tar.gz of either",
}


class _HelpFormatter(DjangoHelpFormatter):
    show_last = DjangoHelpFormatter.show_last - {"--settings"}


class Command(ReportingCommand):
    help = (
        "Import what an engine host keeps, all of it or some: its log, outputs, issues, settings and git store. "
        "A PATH is recognized by what it holds. The host's files are only read. Safe to interrupt and to repeat."
    )
    needs = Needs.CREATED

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Our --settings replaces Django's, which would name a module; it was read before.
        kwargs |= {"conflict_handler": "resolve", "formatter_class": _HelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.set_defaults(settings=None)
        parser.add_argument("paths", metavar="PATH", nargs="*", help="a store, or a folder of stores")
        for kind in KINDS:
            parser.add_argument(
                f"--{kind}", dest=f"{kind}_paths", metavar="PATH", action="append", default=[], help=_HELP[kind]
            )
        parser.add_argument(
            "--source",
            metavar="NAME",
            default="import",
            help="recorded with everything; patches are joined to the entries of their source first"
            " (default: %(default)s)",
        )

    def report(self, **options: Any) -> bool:
        source: str = options["source"]
        with FindingsFile(settings.DATA_DIR / "quarantine", source) as file:
            findings = ShownFindings(file, self.stderr)
            try:
                records.check_id(source, "--source")
                self._import(_stores(options), source, findings)
            except (Invalid, Unreadable) as error:
                raise CannotRun(" ".join(str(error).split())) from None
            finally:
                findings.say_how_many_more()
                if file.path is not None:
                    self.stdout.write(f"What was not imported is in {file.path}")
        return findings.number > 0

    def _import(self, stores: list[Store], source: str, findings: ShownFindings) -> None:
        with ExitStack() as opened:
            # All are opened before anything is imported: a wrong path changes nothing.
            readers = [(store, opened.enter_context(_open(store))) for store in stores]
            with faults():
                dialect().expect_many()
            try:
                for store, reader in readers:
                    with progress(self.stderr, f"Importing {store.kind}", reader.total) as report:
                        said = _import_store(store, reader, source, findings, report)
                    self.stdout.write(f"{store.kind}: {said}")
            finally:
                if not isinstance(sys.exc_info()[1], KeyboardInterrupt):
                    host_derivation.settle()
        host_derivation.analyze()
        for line in _conclusion(summary(source)):
            self.stdout.write(line)


# In the order of ``KINDS``, each once.
def _stores(options: dict[str, Any]) -> list[Store]:
    given = [Store(kind, Path(path)) for kind in KINDS for path in options[f"{kind}_paths"]]
    found = [*given, *(store for path in options["paths"] for store in recognize(Path(path)))]
    if not found:
        raise Unreadable("give at least one path, for example the folder in which the host keeps its stores")
    once = {(store.kind, store.path.resolve()): store for store in reversed(found)}
    return sorted(once.values(), key=lambda store: (KINDS.index(store.kind), str(store.path)))


def _open(store: Store) -> AbstractContextManager[Any]:
    if store.kind == "log":
        return open_source(str(store.path), settings.MAX_ENTRY_BYTES, imported=True)
    return importing.open_store(store)


def _import_store(store: Store, reader: Any, source: str, findings: ShownFindings, report: Report) -> Counts | str:
    def found(finding: Finding) -> None:
        findings.add(finding._replace(where=f"{store.kind}, {finding.where}"))

    if store.kind == "log":
        return import_entries(
            reader,
            Origin("command", "import_host", source),
            on_finding=found,
            on_batch=lambda counts: report(reader.done, counted(counts.read, "entries")),
        )
    kept = importing.keep(
        reader, source, on_finding=found, on_batch=lambda _: report(reader.done, counted(reader.done, reader.unit))
    )
    return f"read {counted(reader.done, reader.unit)}, {new(kept)}"


def _conclusion(found: Summary) -> Iterator[str]:
    missing = found.patches - found.joined - found.ambiguous
    fates = f"{found.joined:,} joined, {found.ambiguous:,} ambiguous, {missing:,} without an entry"
    yield f"{counted(found.patches, 'patches')}: {fates}"
    died = sum(found.causes.values())
    by_cause = ", ".join(f"{MEANINGS[cause].name} {number:,}" for cause, number in found.causes.items())
    runs = counted(died + found.pending, "unfinished runs")
    yield f"{runs}: {found.pending:,} pending, {died:,} died" + (f" ({by_cause})" if by_cause else "")
    for number, what in ((found.unassigned_patches, "patches"), (found.unassigned_answers, "answers")):
        if number:
            yield f"{counted(number, what)} assigned to no unfinished run: none fits, or several do"
