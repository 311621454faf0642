"""What alerts cost: an append with fifty rules against one without, and pages while ten thousand deliveries wait."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from threading import Thread
from typing import Any, Final

from benchmarks import generator, load
from benchmarks.bench import CLIENTS, Bench, get, http, latency, post
from benchmarks.children import Failed, module, perform, product_environment
from benchmarks.databases import DATABASES, Database
from benchmarks.rounds import Contender, Fact, Results, Target, upper_end
from benchmarks.servers import Server, enhancelog, more_tokens

RULES: Final = 50
WAITING: Final = 10_000
MOST_COST: Final = 1.15
BLUEPRINTS: Final = 6

# Each event has as many rules as any other, and half of those that can watch a view do.
EVENTS: Final[Sequence[tuple[str, dict[str, Any]]]] = (
    ("entry.rejected", {}),
    ("pattern.new", {}),
    ("pattern.returned", {}),
    ("rate.high", {"runs": 100, "percent": 90}),
    ("axis.silent", {}),
    ("digest", {}),
    ("run.unfinished", {}),
    ("runs.silent", {}),
    ("mention", {}),
)
WITHOUT_VIEWS: Final = ("run.unfinished", "runs.silent", "mention")
VIEWED: Final = "/rejections/?axis=noop"
PAGES: Final = {"the overview": "/", "rejections": "/rejections/", "the log": "/v1/enhance/log?page_size=50"}


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None: ...


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_run(bench, vendor))
    return results


def _run(bench: Bench, vendor: str) -> Results:
    with ExitStack() as stack:
        port = stack.enter_context(_receiving())
        allowed = {"ENHANCELOG_WEBHOOK_ALLOW": f"127.0.0.1:{port}"}
        databases = [stack.enter_context(bench.databases.copy_of(vendor, bench.plan.small)) for _ in range(2)]
        plain, ruled = (stack.enter_context(enhancelog(each, bench.log, **allowed)) for each in databases)
        _make_rules(ruled, databases[1], port)
        results = _appends(bench, vendor, plain, ruled)
        _make_wait(databases[1], bench)
        results.add(_pages(bench, vendor, plain, ruled))
    return results


def _appends(bench: Bench, vendor: str, plain: Server, ruled: Server) -> Results:
    names = [f"append, no rule ({vendor})", f"append, {RULES} rules ({vendor})"]
    number = bench.plan.appends
    contenders = []
    for name, server in zip(names, (plain, ruled), strict=True):
        made = generator.appends(bench.plan.seed, "alerts", (bench.plan.paired_rounds + 1) * number, BLUEPRINTS)
        requests = iter([post(server, body) for body in generator.bodies(made)])
        contenders.append(Contender(name, "entries/s", http(server, requests, number, CLIENTS, 201)))
    results = bench.measure(contenders, bench.plan.paired_rounds)
    cost = Target(f"an append without rules, of one with {RULES}: {vendor}", names[0], names[1])
    results.targets.append(cost)
    end = upper_end(results.ratios(cost))
    results.facts.append(Fact(f"the same, upper end of its interval: {vendor}", [end], "×", at_most=MOST_COST))
    return results


def _pages(bench: Bench, vendor: str, plain: Server, ruled: Server) -> Results:
    contenders, targets = [], []
    for what, address in PAGES.items():
        names = [f"{what}, {WAITING:,} deliveries wait ({vendor})", f"{what}, none waits ({vendor})"]
        for name, server in zip(names, (ruled, plain), strict=True):
            requests = cycle([get(server, address)])
            contenders.append(Contender(name, "ms", latency(server, requests, bench.plan.slow_reads)))
        work = f"{what} while {WAITING:,} deliveries wait: {vendor}"
        targets.append(Target(work, names[0], names[1], at_most=MOST_COST))
    results = bench.measure(contenders)
    results.targets += targets
    return results


def _make_rules(server: Server, database: Database, port: int) -> None:
    (secret,) = more_tokens(database, 1, ["triage:write"])
    views = [{"owner": "admin", "name": "Bench", "url": VIEWED}]
    alerts = [_rule(number, port) for number in range(RULES)]
    file = {"format": "enhancelog-triage", "version": 1, "views": views, "alerts": alerts}
    _ask(server, secret, "POST", "/v1/triage/import", file)
    for alert in alerts:
        _ask(server, secret, "PATCH", f"/v1/alerts/{alert['id']}", {"on": True})


def _rule(number: int, port: int) -> dict[str, Any]:
    event, options = EVENTS[number % len(EVENTS)]
    is_narrow = number % 2 and event not in WITHOUT_VIEWS
    watched = {"has_view": True, "view": {"owner": "admin", "name": "Bench"}} if is_narrow else {}
    return {
        "id": f"{number:016x}",
        "owner": "admin",
        "name": f"rule {number}",
        "event": event,
        "options": options,
        "channel": "webhook",
        "address": f"http://127.0.0.1:{port}/",
        "made_ms": 0,
        **watched,
    }


def _ask(server: Server, secret: str, method: str, target: str, body: Any) -> None:
    headers = {"Authorization": f"Bearer {secret}", "Content_Type": "application/json"}
    answer = load.one(
        server.address, load.request(server.address, method, target, json.dumps(body).encode(), **headers)
    )
    if answer.status != 200:
        raise Failed(f"{method} {target}: {answer.status} {answer.body[:300]!r}")


def _make_wait(database: Database, bench: Bench) -> None:
    bench.progress(f"{WAITING:,} deliveries wait")
    command = module("benchmarks.inside", "wait", f"{0:016x}", WAITING)
    perform(command, product_environment(database.data_dir, database.url), bench.log)


@contextmanager
def _receiving() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
