"""``serve [--demo] [--reload] [--bind ADDRESS:PORT]``: prepare everything, then serve until told to stop."""

# Exit codes: 0 stopped by SIGINT or SIGTERM, 2 could not run (one line says why).

import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import Error, connections

from enhancelog.api import allowances
from enhancelog.domain.installation import CHOSEN_BY_SERVE
from enhancelog.maintenance import demo, prepare, upgrade, worker_count
from enhancelog.management.database import Needs, database_name
from enhancelog.management.reporting import CannotRun, ReportingCommand
from enhancelog.observing import shared_memory, shared_series
from enhancelog.server import static_files
from enhancelog.server.reloading import Sources
from enhancelog.server.supervisor import StartFailed, Supervisor
from enhancelog.server.worker_options import Options

DEFAULT_BIND = "127.0.0.1:8000"
NO_PROXY = (
    "ENHANCELOG_URL is https, but ENHANCELOG_TRUSTED_PROXIES names none: requests through a proxy are refused, and all "
    "others are redirected to https. If a proxy terminates TLS, set it to its address"
)
SOURCES = ("enhancelog", "content")  # the folders that ``--reload`` watches


class Address(NamedTuple):
    host: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def url(self) -> str:
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


class Command(ReportingCommand):
    help = "Prepare the data folder and the database, then serve pages and API until Ctrl-C or SIGTERM."
    needs = Needs.NOTHING  # it creates and upgrades its database itself

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="serve a demo log that anyone can read, in its own database"
        )
        parser.add_argument(
            "--reload",
            action="store_true",
            help="for developers: reload edited pages, style sheets and code",
        )
        parser.add_argument("--bind", metavar="ADDRESS:PORT", default=DEFAULT_BIND, help="default: %(default)s")

    def report(self, **options: Any) -> bool:
        if options["demo"] and not settings.DEMO:
            raise CannotRun(f"--demo works with {settings.PROGRAM} serve only; elsewhere set ENHANCELOG_DEMO=1")
        if options["reload"] and not settings.RELOAD:
            raise CannotRun(f"--reload works with {settings.PROGRAM} serve only; elsewhere set ENHANCELOG_RELOAD=1")
        os.umask(0o077)
        address = parse(options["bind"])
        refuse_exposure(address)
        with reserve(address):
            if not settings.PUBLIC_URL_GIVEN:
                choose("ENHANCELOG_URL", address.url)  # read by the worker processes' settings
            self.prepare()
            connections.close_all()
            if settings.HTTPS and not settings.TRUSTED_PROXIES:
                self.stderr.write(NO_PROXY)
            serve(address, lambda: self.say(f"Enhancelog is at {where(address)} (Ctrl-C stops it)"))
        return False

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # for a reader of a pipe

    def prepare(self) -> None:
        try:
            with upgrade.alone(self.stderr.write):
                if copy := upgrade.migrate():
                    self.say(f"Database upgraded; the previous one is kept as {copy}")
                self.create_admin()
                if not settings.RELOAD:
                    static_files.collect()
                if settings.DEMO:
                    demo.load()
        except Error as error:
            reason = str(error).strip().splitlines()[0]
            raise CannotRun(f"cannot use the database {database_name()}: {reason}") from None
        except OSError as error:
            raise CannotRun(f"{error.filename or settings.DATA_DIR}: {error.strerror}") from None

    def create_admin(self) -> None:
        if password := prepare.create_admin():
            self.say(f"Sign in as {prepare.ADMIN} with the password {password} (shown only once)")


def parse(bind: str) -> Address:
    """``127.0.0.1:8000``, ``[::1]:8000`` or ``localhost:8000`` as a numeric address."""
    host, _, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    valid_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not host or not valid_port or (":" in host and not bind.startswith("[")):
        raise CannotRun(f'--bind: must be like {DEFAULT_BIND} or [::1]:8000, not "{bind}"')
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotRun(f'--bind: cannot find the address of "{host}"') from None
    return Address(str(found[0][4][0]), int(port))


def refuse_exposure(address: Address) -> None:
    """Beyond this machine, serving requires certain settings; the demo is never served there."""
    if ip_address(address.host.partition("%")[0]).is_loopback:
        return
    if settings.DEMO:
        raise CannotRun("--demo lets anyone read, so it serves this machine only")
    needed = ("ENHANCELOG_URL", "ENHANCELOG_SECRET_KEY")
    missing = [name for name in needed if not os.environ.get(name) and not os.environ.get(f"{name}_FILE")]
    if missing:
        raise CannotRun(f"to serve beyond this machine ({address.host}) set {' and '.join(missing)}")


def reserve(address: Address) -> socket.socket:
    """Keep other servers off the port until the socket is closed; workers share it. Raises ``CannotRun``."""
    reserved = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        # Bound without sharing, so that it fails if another server has the port; shared only afterwards.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ignores connections that have ended
        reserved.bind(address)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        reserved.close()
        reason = f"cannot listen on {address.url.removeprefix('http://')}: {error.strerror}"
        raise CannotRun(f"{reason}; choose another with --bind") from None
    return reserved


def where(address: Address) -> str:
    if not settings.PUBLIC_URL_GIVEN or address.url == settings.PUBLIC_URL:
        return address.url
    return f"{settings.PUBLIC_URL}, listening on {address.url}"


def serve(address: Address, on_serving: Callable[[], None], application: str = "enhancelog.wsgi") -> None:
    """Run the workers until a signal."""
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # glibc would keep a separate arena for each thread
    workers = worker_count.workers()
    sources = Sources(settings.BASE_DIR / name for name in SOURCES) if settings.RELOAD else None
    if not settings.WORKERS_GIVEN:
        choose("ENHANCELOG_WORKERS", str(workers))  # each of them grants its share of a limit
    shared = {
        shared_series.MEMORY: shared_series.allocate(workers),
        allowances.MEMORY: shared_memory.allocate("throttles", allowances.SIZE),
    }
    os.environ.update({name: path for name, path in shared.items() if path})
    try:
        every = [Options(address.host, address.port, number, application) for number in range(1, workers + 1)]
        Supervisor(every, on_serving, sources).run()
    except StartFailed as error:
        raise CannotRun(str(error)) from None


def choose(name: str, value: str) -> None:
    """A setting of the workers that the operator left open."""
    os.environ[name] = value
    os.environ[CHOSEN_BY_SERVE] = f"{os.environ.get(CHOSEN_BY_SERVE, '')} {name}".strip()
