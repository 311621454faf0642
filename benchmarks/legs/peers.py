"""The same work by datasette on SQLite: 1.0 alpha for writes, 0.65 (tuned and default) for reads."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle, repeat
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from benchmarks import generator, load
from benchmarks.bench import CLIENTS, LOG, Bench, get, http, post
from benchmarks.children import Failed
from benchmarks.databases import peer_row
from benchmarks.legs.bulk import NDJSON
from benchmarks.rounds import Contender, Results, Target
from benchmarks.servers import Server, datasette, enhancelog, tuned, version_of
from enhancelog.domain import records
from enhancelog.domain.records import Entry

SIZE: Final = 50
BATCH: Final = 100
READERS: Final = 8
MAY_INSERT: Final = ("--setting", "permissions.insert-row", "true")
COLUMNS: Final = (*records.CONTRACT_FIELDS[:6], "verdicts_json", "status", "reasons_json", "ts_ms")


def writes(bench: Bench) -> Results:
    number, batches = bench.plan.appends // 2, bench.plan.batches
    with ExitStack() as stack:
        database = stack.enter_context(bench.databases.copy_of("sqlite", bench.plan.small))
        ours = stack.enter_context(enhancelog(database, bench.log))
        path = stack.enter_context(bench.databases.upstream_like(bench.plan.small))
        peer = stack.enter_context(datasette("datasette-alpha", bench.databases.folder, path, bench.log, MAY_INSERT))
        single = generator.appends(bench.plan.seed, "peer-single", bench.measurements * number, 6)
        many = generator.appends(bench.plan.seed, "peer-batch", bench.measurements * batches * BATCH, 6)
        parts = [many[at : at + BATCH] for at in range(0, len(many), BATCH)]
        our_singles = iter([post(ours, body) for body in generator.bodies(single)])
        our_batches = iter([post(ours, b"\n".join(generator.bodies(part)), NDJSON) for part in parts])
        their_singles = iter([_insert(peer, path, {"row": _object(entry)}) for entry in single])
        their_batches = iter([_insert(peer, path, {"rows": list(map(_object, part))}) for part in parts])
        results = bench.measure(
            [
                Contender("single write, ours", "entries/s", http(ours, our_singles, number, CLIENTS, 201)),
                Contender("single write, datasette", "entries/s", http(peer, their_singles, number, CLIENTS, 201)),
                Contender("batch of 100, ours", "entries/s", http(ours, our_batches, batches, 2, 200, BATCH)),
                Contender("batch of 100, datasette", "entries/s", http(peer, their_batches, batches, 2, 201, BATCH)),
            ]
        )
        _same_counts(ours, peer, path)
    version = version_of("datasette-alpha", bench.databases.folder)
    results.targets += [
        Target(f"single write, against datasette {version}", "single write, ours", "single write, datasette", 8.0),
        Target(f"batch of 100, against datasette {version}", "batch of 100, ours", "batch of 100, datasette", 2.5),
    ]
    return results


def reads(bench: Bench) -> Results:
    with ExitStack() as stack:
        ours = stack.enter_context(enhancelog(bench.databases.log_of("sqlite", bench.plan.middle), bench.log))
        path = stack.enter_context(bench.databases.upstream_like(bench.plan.middle))
        folder = bench.databases.folder
        quick = stack.enter_context(datasette("datasette", folder, path, bench.log, tuned()))
        plain = stack.enter_context(datasette("datasette", folder, path, bench.log, ()))
        results = _json_pages(bench, ours, quick, plain, path)
        results.add(_html_pages(bench, ours, quick, plain, path))
    results.notes.append(f"The peer that reads is datasette {version_of('datasette', bench.databases.folder)}.")
    return results


def _json_pages(bench: Bench, ours: Server, quick: Server, plain: Server, path: Path) -> Results:
    mine = get(ours, f"{LOG}?page_size={SIZE}&order=desc")
    table = f"/{path.stem}/enhance_log.json?_size={SIZE}&_sort_desc=ts_ms&_shape=array"
    theirs, theirs_plain = get(quick, f"{table}&_nocount=1"), get(plain, table)
    _same_entries(ours, mine, quick, theirs)
    reads = bench.plan.reads
    results = bench.measure(
        [
            Contender("page of 50 JSON, ours", "pages/s", http(ours, repeat(mine), reads, READERS, 200)),
            Contender("page of 50 JSON, datasette tuned", "pages/s", http(quick, repeat(theirs), reads, READERS, 200)),
            Contender(
                "page of 50 JSON, datasette as it comes",
                "pages/s",
                http(plain, repeat(theirs_plain), reads // 2, READERS, 200),
            ),
        ]
    )
    work, over = "page of 50 JSON, against datasette", "page of 50 JSON, ours"
    results.targets += [
        Target(f"{work} tuned", over, "page of 50 JSON, datasette tuned", at_least=8.0),
        Target(f"{work} as it comes", over, "page of 50 JSON, datasette as it comes"),
    ]
    return results


def _html_pages(bench: Bench, ours: Server, quick: Server, plain: Server, path: Path) -> Results:
    reads, slow = bench.plan.reads, bench.plan.slow_reads
    blueprint = generator.BLUEPRINTS[0]
    newest = f"/blueprints/{quote(blueprint)}?page_size={SIZE}"
    etag = _etag(ours, newest)
    table = f"/{path.stem}/enhance_log?blueprint_id={quote(blueprint)}&_sort_desc=ts_ms&_size={SIZE}"
    tuned_table = f"{table}&_nocount=1&_nofacet=1&_nosuggest=1"
    _same_rows(ours, newest, quick, tuned_table)
    cold = iter([get(ours, target) for target in _distinct(bench, bench.measurements * slow)])
    names = [
        "timeline of 50, cold, ours",
        "timeline of 50, warm, ours",
        "timeline of 50, warm and unchanged (304), ours",
        "timeline of 50, datasette tuned",
        "timeline of 50, datasette as it comes",
    ]
    measures = [
        http(ours, cold, slow, READERS, 200),
        http(ours, repeat(get(ours, newest)), reads, READERS, 200),
        http(ours, repeat(get(ours, newest, If_None_Match=etag)), reads, READERS, 304),
        http(quick, repeat(get(quick, tuned_table)), slow, READERS, 200),
        http(plain, repeat(get(plain, table)), READERS, READERS, 200),  # a third of a second for each page
    ]
    results = bench.measure(
        [Contender(name, "pages/s", measure) for name, measure in zip(names, measures, strict=True)]
    )
    first, warm, unchanged, theirs, plainly = names
    work = "timeline HTML of 50"
    results.targets += [
        Target(f"{work}, cold, against datasette tuned", first, theirs, at_least=5.0),
        Target(f"{work}, warm, against datasette tuned", warm, theirs),
        Target(f"{work}, warm as a browser asks (304), against datasette tuned", unchanged, theirs, at_least=40.0),
        Target(f"{work}, cold, against datasette as it comes", first, plainly),
    ]
    return results


def _distinct(bench: Bench, number: int) -> Iterator[str]:
    """Pages that end at different times, so that no rows are cached."""
    step = generator.DAYS * generator.DAY_MS // (number + 1)
    blueprints = cycle(generator.BLUEPRINTS[:4])
    for index in range(number):
        until = generator.END_MS - index * step
        yield f"/blueprints/{quote(next(blueprints))}?page_size={SIZE}&until={until}"


def _etag(server: Server, target: str) -> str:
    found = re.search(
        rb'\r\netag: *("[^"]*"|W/"[^"]*")', load.one(server.address, get(server, target)).head, re.IGNORECASE
    )
    if not found:
        raise Failed(f"{target} has no ETag")
    return found[1].decode()


def _object(entry: Entry) -> dict[str, Any]:
    return dict(zip(COLUMNS, peer_row(entry), strict=True))


def _insert(server: Server, path: Path, body: Any) -> bytes:
    target = f"/{path.stem}/enhance_log/-/insert"
    return load.request(server.address, "POST", target, msgspec.json.encode(body), Content_Type="application/json")


def _same_counts(ours: Server, peer: Server, path: Path) -> None:
    mine = load.one(ours.address, get(ours, f"{LOG}?format=ndjson")).body.count(b"\n")
    table = f"/{path.stem}.json?sql={quote('select count(*) as n from enhance_log')}&_shape=array"
    answer = load.one(peer.address, get(peer, table.replace(".json?sql", "/-/query.json?sql")))
    theirs = json.loads(answer.body)[0]["n"]
    if mine != theirs:
        raise Failed(f"we hold {mine:,} entries, datasette {theirs:,}")


def _same_entries(ours: Server, mine: bytes, peer: Server, theirs: bytes) -> None:
    our_page = json.loads(load.one(ours.address, mine).body)
    their_page = json.loads(load.one(peer.address, theirs).body)
    for entry in their_page:
        entry["verdicts"] = json.loads(entry.pop("verdicts_json"))
        entry["reasons"] = json.loads(entry.pop("reasons_json"))
    if len(our_page) != SIZE or our_page != their_page:
        raise Failed("the pages of JSON differ")


def _same_rows(ours: Server, target: str, peer: Server, table: str) -> None:
    pages = [load.one(server.address, get(server, at)).body for server, at in ((ours, target), (peer, table))]
    mine, theirs = (set(re.findall(rb"h-\d{7}-[0-9a-f]{12}", page)) for page in pages)
    if len(mine) != SIZE or mine != theirs:
        raise Failed(f"the timelines differ: {len(mine)} and {len(theirs)} entries")
