from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from enhancelog.accounts import api_tokens
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.maintenance import prepare, upgrade
from enhancelog.management.database import Needs, database_name
from enhancelog.management.reporting import CannotRun, ReportingCommand

OPTIONS: Final = {
    "name": "NAME",
    "scopes": "--scope",
    "expiry": "--expires",
    "write_blueprints": "--blueprint",
    "write_kinds": "--kind",
}


# Only the token goes to standard output, everything else to standard error.
class Command(ReportingCommand):
    help = "Create an API token and print it once. Revoke it on the page /account/tokens."
    needs = Needs.CREATED

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="recorded with everything the token writes")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            metavar="SCOPE",
            help=f"{', '.join(api_tokens.SCOPES)}; may be repeated",
        )
        parser.add_argument("--expires", default="", metavar="WHEN", help="90d, 12h, 4w or 2027-01-31 (default: never)")
        parser.add_argument(
            "--blueprint",
            action="append",
            default=[],
            metavar="ID",
            help="append only to this Blueprint, or with ID* to all that begin with ID; may be repeated",
        )
        parser.add_argument(
            "--kind",
            action="append",
            default=[],
            metavar="KIND",
            help="change only content of this kind, or with KIND* of all that begin with KIND; may be repeated",
        )
        parser.add_argument(
            "--user", metavar="NAME", help="owner (default: the first superuser, created if there are no users)"
        )

    def report(self, **options: Any) -> bool:
        try:
            wanted = api_tokens.Wanted(
                name=options["name"],
                scopes=options["scope"],
                expiry=api_tokens.expiry_from(options["expires"], datetime.now(UTC)),
                write_blueprints=options["blueprint"],
                write_kinds=options["kind"],
            )
            api_tokens.check(wanted, datetime.now(UTC))
            if options["user"] is None:
                self._create_admin()
            owner = _owner(options["user"])
            token, secret = api_tokens.make(wanted, owner, made_by="create_token", by_kind="command")
        except Invalid as broken:
            option = OPTIONS.get(broken.field, broken.field)
            detail = f"{option}: {broken.detail}" if option else broken.detail
            raise CannotRun(" ".join(detail.split())) from None
        expires = f"{token.expiry:%Y-%m-%d %H:%M} UTC" if token.expiry else "never"
        self.stderr.write(f"Token {token.name} created for {owner.get_username()} in {database_name()}.")
        self.stderr.write(f"Scopes: {' '.join(token.scopes)}. Expires: {expires}.")
        for noun, limits in (("Blueprint", token.write_blueprints), ("kind", token.write_kinds)):
            if limits:
                self.stderr.write(f"It may write only to {api_tokens.in_words(noun, limits)}.")
        self.stderr.write(
            "It is shown only once; store it where the program reads it, for example in ENHANCELOG_TOKEN."
        )
        self.stdout.write(secret)
        return False

    def _create_admin(self) -> None:
        # On a new database, the user that ``serve`` would create.
        with upgrade.alone(self.stderr.write):
            password = prepare.create_admin()
        if password:
            self.stderr.write(f"Sign in as {prepare.ADMIN} with the password {password} (shown only once)")


def _owner(name: str | None) -> User:
    """Raises ``Invalid`` if there is no such user or their tokens would be refused."""
    if name is None:
        first = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if first is None:
            raise Invalid("--user", "required", "there is no superuser; name the owner")
        return first
    records.check_id(name, "--user")
    found = User.objects.filter(username=name).first()
    if found is None:
        raise Invalid("--user", "unknown", f'there is no user "{name}"')
    if not found.is_active:
        raise Invalid("--user", "inactive", f"{name} is not active, so the token would be refused")
    return found
