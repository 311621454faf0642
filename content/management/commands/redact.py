"""``redact ISSUE_ID --field FIELD…``, ``redact --content STORY_ID KIND --version N`` and ``redact --document HASH``"""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from content.kinds import Key
from content.redaction import of_content, of_entry
from enhancelog.domain import redactions
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.origin import Origin
from enhancelog.maintenance.document_redaction import of_document
from enhancelog.maintenance.redaction import Redacting, erase
from enhancelog.management.reporting import CannotRun, ReportingCommand, printable

ORIGIN: Final = Origin("command", "redact", "command")


class Command(ReportingCommand):
    help = (
        "Take texts out of a stored entry, the value out of a version of content, or the text out of a Blueprint's"
        " document, and out of everything derived from them. It cannot be undone. What is left says what was redacted,"
        " when and why."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django's own --version, which says Django's version, gives way.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("issue_id", nargs="?", metavar="ISSUE_ID", help="the entry")
        parser.add_argument(
            "--field",
            action="append",
            default=[],
            metavar="FIELD",
            help=f"{', '.join(redactions.FIELDS)}; may be repeated",
        )
        parser.add_argument("--content", nargs=2, metavar=("STORY_ID", "KIND"), help="a value of the content store")
        parser.add_argument("--version", dest="of_version", type=int, metavar="N", help="the version of the value")
        parser.add_argument("--document", metavar="HASH", help="a Blueprint's document, with its versions' rationales")
        parser.add_argument("--why", default="", metavar="TEXT", help="one line that all readers see, not the secret")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go, and where it would stay")
        parser.add_argument(
            "--no-erase", action="store_true", help="leave it in unused parts of the database's files for now"
        )

    def report(self, **options: Any) -> bool:
        try:
            redacting = _wanted(options)
            if options["dry_run"]:
                return self._look(redacting)
            redactions.checked_why(options["why"])
            self._say(redacting.done)
            # Before anything goes: afterwards nothing knows the text, and whatever fails then must not lose this.
            is_elsewhere = self._list("It stays in:", redacting.elsewhere())
            self._say(redacting.unsearched)
            self.stdout.flush()
            self._say([redacting.carry_out(options["why"], ORIGIN)])
        except Invalid as error:
            raise CannotRun(printable(f"{_option(error.field)}{error.detail}")) from None
        except NotFound as error:
            raise CannotRun(printable(f"there is no entry {error.issue_id}")) from None
        is_erased = self._erase(redacting, leave=options["no_erase"])
        is_copied = self._list("It is still in:", redacting.copies(settings.DATA_DIR))
        return is_elsewhere or bool(redacting.unsearched) or not is_erased or is_copied

    def _look(self, redacting: Redacting) -> bool:
        self._say([*redacting.done, redacting.planned])
        self._say(redacting.unsearched)
        places = [*redacting.elsewhere(), *redacting.copies(settings.DATA_DIR)]
        return self._list("It would stay in:", places) or bool(redacting.unsearched)

    def _list(self, said: str, places: Sequence[object]) -> bool:
        if places:
            self._say([said, *(f"  {place}" for place in places)])
        return bool(places)

    def _erase(self, redacting: Redacting, *, leave: bool) -> bool:
        if leave:
            self.stdout.write("Unused parts of the database's files may still have it: run the command again later.")
            return False
        is_erased = erase(redacting.tables, self.stderr.write)
        if not is_erased:
            self.stdout.write("A reader that had begun before keeps it in the database's files: run it again later.")
        return is_erased

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            if line:
                self.stdout.write(printable(line))


def _wanted(options: dict[str, Any]) -> Redacting:
    issue_id, content, version = options["issue_id"], options["content"], options["of_version"]
    document = options["document"]
    if sum(each is not None for each in (issue_id, content, document)) != 1:
        raise CannotRun("name one of an entry's ISSUE_ID, --content STORY_ID KIND and --document HASH")
    if version is not None and content is None:
        raise Invalid("version", "combination", "belongs to --content")
    if options["field"] and issue_id is None:
        raise Invalid("field", "combination", "belongs to an entry; content and documents go as a whole")
    if document is not None:
        return of_document(document)
    if content is None:
        return of_entry(issue_id, options["field"])
    if version is None:
        raise Invalid("version", "missing", "is missing; the page of the key's history has the versions")
    return of_content(Key(*content), version)


def _option(field: str) -> str:
    return f"--{field}: " if field in ("why", "version", "field", "document") else f"{field}: "
