"""Ten times a million entries on PostgreSQL, by simulated growth: what an entry takes on disk, and every page against
the same page of the million.

``python -m benchmarks.legs.growth`` answers requests inside the product, see ``_Asked``.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice
from typing import Any, Final

import psycopg

from benchmarks import generator
from benchmarks.bench import LOG, Bench
from benchmarks.children import module, perform, product_environment, running
from benchmarks.databases import Database
from benchmarks.generator import DAY_MS, DAYS, END_MS
from benchmarks.legs.large import RARE, searches
from benchmarks.legs.pages import Asked, ByTurns, by_turns
from benchmarks.rounds import Contender, Fact, Results, Target

VENDOR: Final = "postgresql"
TIMES: Final = 10
LONGER: Final = 1.5
MOST_BYTES: Final = 1_600
REQUESTS: Final = 24  # of each page in a round
ENTRIES: Final = 40  # among which pages of entries are chosen

_ALL: Final = "period=all"
_SIZES: Final = """
    SELECT class.relname, class.reltuples::bigint, pg_table_size(class.oid), pg_indexes_size(class.oid)
    FROM pg_class class WHERE class.relkind = 'r' AND class.relnamespace = 'public'::regnamespace
    ORDER BY pg_total_relation_size(class.oid) DESC"""
_INDEXES: Final = """
    SELECT made.indexrelid::regclass::text, pg_relation_size(made.indexrelid)
    FROM pg_index made JOIN pg_class class ON class.oid = made.indrelid
    WHERE class.relnamespace = 'public'::regnamespace ORDER BY 2 DESC"""
_SHOWN: Final = 14  # tables and indexes


def run(bench: Bench) -> Results:
    size = bench.plan.large
    log = bench.databases.log_of(VENDOR, size)
    with bench.databases.copy_of(VENDOR, size) as grown:
        perform(
            module("benchmarks.growing", TIMES),
            product_environment(grown.data_dir, grown.url),
            bench.log,
            lambda said: bench.progress(f"{said['step']} ({said['seconds']:,.0f} s)"),
        )
        results = _pages(bench, log, grown)
        results.facts.append(_size(results, log, grown, size))
    return results


def _pages(bench: Bench, log: Database, grown: Database) -> Results:
    size = bench.plan.large
    with ExitStack() as stack:
        asked = [stack.enter_context(_asked(bench, database)) for database in (grown, log)]
        contenders, targets = [], []
        for page, addresses in _addresses(bench, log).items():
            over, under = (f"{page} at {number:,}" for number in (size * TIMES, size))
            turns = ByTurns(partial(_turns, asked, addresses))
            contenders += [Contender(name, "ms", partial(turns.measure, at)) for at, name in enumerate((over, under))]
            targets.append(Target(f"{page} at {size * TIMES:,} over {size:,}", over, under, at_most=LONGER))
        results = bench.measure(contenders)
    results.targets += targets
    return results


def _turns(asked: Sequence[Asked], addresses: Sequence[str]) -> list[list[float]]:
    return list(by_turns(asked, 1, islice(cycle(addresses), max(REQUESTS, len(addresses)))))


def _addresses(bench: Bench, log: Database) -> dict[str, list[str]]:
    """The newest entries are the same in both logs."""
    newest = f"since={_date(END_MS - DAYS * DAY_MS)}&until={_date(END_MS)}"
    timelines = [f"/blueprints/{name.replace('/', '%2F')}" for name in generator.BLUEPRINTS]
    with psycopg.connect(log.raw) as connection:
        rows = connection.execute("SELECT issue_id FROM enhancelog_entry ORDER BY md5(issue_id) LIMIT %s", [ENTRIES])
        entries = [issue_id for (issue_id,) in rows]
    return {
        "overview, all time": [f"/?{_ALL}"],
        f"overview, {DAYS} days": [f"/?{newest}"],
        "timeline": timelines,
        "rejections": [f"/rejections/?{_ALL}"],
        f"rejections, {DAYS} days": [f"/rejections/?{newest}"],
        "rare axis denied": [RARE],
        "search": searches(bench),
        "patterns, all time": [f"/patterns/?{_ALL}"],
        f"patterns, {DAYS} days": [f"/patterns/?{newest}"],
        "matrix, all time": [f"/matrix/?{_ALL}"],
        f"matrix, {DAYS} days": [f"/matrix/?{newest}"],
        "axes, all time": [f"/axes/?{_ALL}"],
        f"axes, {DAYS} days": [f"/axes/?{newest}"],
        "an axis, all time": [f"/axes/{axis}?{_ALL}" for axis in generator.AXES],
        f"an axis, {DAYS} days": [f"/axes/{axis}?{newest}" for axis in generator.AXES],
        "funnel, all time": [f"/funnel/?{_ALL}"],
        f"funnel, {DAYS} days": [f"/funnel/?{newest}"],
        "page of 50 JSON": [f"{LOG}?page_size=50&order=desc"],
        "entry": [f"/entries/{issue_id}" for issue_id in entries],
    }


def _date(ts_ms: int) -> str:
    return f"{datetime.fromtimestamp(ts_ms / 1000, UTC):%Y-%m-%d}"


def _size(results: Results, log: Database, grown: Database, size: int) -> Fact:
    """All tables and indexes, for each entry; and tables of the largest."""
    tables, indexes = _sizes(grown)
    tables_before, indexes_before = _sizes(log)
    before = {name: kept + indexed for name, _, kept, indexed in tables_before}
    head = ["table", "rows", "bytes an entry", "its indexes, bytes an entry", f"together, at {size:,}", "together, GB"]
    rows = [
        [
            f"`{name}`",
            f"{number:,}",
            _each(kept, size * TIMES),
            _each(indexed, size * TIMES),
            _each(before.get(name, 0), size),
            f"{(kept + indexed) / 1e9:.2f}",
        ]
        for name, number, kept, indexed in tables[:_SHOWN]
    ]
    results.tables[f"Size of {size * TIMES:,} entries on PostgreSQL"] = [head, *rows]
    results.tables["The largest indexes"] = [
        ["index", "bytes an entry", f"at {size:,}"],
        *(
            [f"`{name}`", _each(number, size * TIMES), _each(indexes_before.get(name, 0), size)]
            for name, number in list(indexes.items())[:_SHOWN]
        ),
    ]
    total = sum(kept + indexed for _, _, kept, indexed in tables)
    return Fact(f"size of an entry at {size * TIMES:,}", [total / (size * TIMES)], "B", at_most=MOST_BYTES)


def _sizes(database: Database) -> tuple[list[tuple[str, int, int, int]], dict[str, int]]:
    with psycopg.connect(database.raw) as connection:
        return connection.execute(_SIZES).fetchall(), dict(connection.execute(_INDEXES).fetchall())


def _each(number: int, entries: int) -> str:
    return f"{number / entries:,.0f}"


@contextmanager
def _asked(bench: Bench, database: Database) -> Iterator[Asked]:
    """Its figures are milliseconds until the response is complete, not CPU time: most of a page's work is the
    database's.
    """
    command = module("benchmarks.legs.growth")
    pipes: dict[str, Any] = {"stdin": -1, "stdout": -1}
    environment = product_environment(database.data_dir, database.url)
    with running(command, environment, bench.log, **pipes) as process:
        yield Asked(process, bench.log)


def _answer() -> None:
    """Without a server, whose threads would sign ten million entries meanwhile."""
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.inside import say

    call_command("collectstatic", verbosity=0, interactive=False)
    client = Client(SERVER_NAME="127.0.0.1")
    say("ready")
    for line in sys.stdin:
        times, *addresses = json.loads(line)
        began = time.perf_counter()
        for address in addresses * times:
            if (response := client.get(address)).status_code != 200:
                raise SystemExit(f"{address} answers {response.status_code}")
            response.getvalue()
        say((time.perf_counter() - began) * 1000 / len(addresses) / times)


if __name__ == "__main__":
    import django

    django.setup()
    _answer()
