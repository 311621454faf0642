"""Requests that cost more than their size suggests, against ordinary ones, and their effect on other clients."""

import itertools
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psutil  # type: ignore[import-untyped]

from benchmarks import generator, hostile, load
from benchmarks.bench import Bench, Measure, get, post
from benchmarks.children import Failed
from benchmarks.databases import DATABASES
from benchmarks.rounds import Contender, Fact, Results, Sample, Target
from benchmarks.servers import Server, enhancelog

MOST: Final = 5.0
MOST_MEANWHILE: Final = 10.0
MOST_GROWTH: Final = 3.0
SIGN_INS: Final = 16
MOST_AT_ONCE: Final = 4  # password checks per worker
# Four password hashes of 100 MiB at a time.
MOST_MB: Final = 450.0
BULK_LINES: Final = 500

Request = Callable[[int], bytes]


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_run(bench, vendor))
    results.add(_growth(bench))
    return results


def _run(bench: Bench, vendor: str) -> Results:
    with ExitStack() as stack:
        database = stack.enter_context(bench.databases.copy_of(vendor, bench.plan.small))
        server = stack.enter_context(enhancelog(database, bench.log))
        bench.progress(f"crowding {hostile.AXES} axes with {bench.plan.templates:,} templates each on {vendor}")
        _crowd(server, bench.plan.templates)
        rows = list(_rows(server))
        contenders, targets = [], []
        for row in rows:
            over, under = f"{row.name} ({vendor})", f"{row.name}: ordinary ({vendor})"
            contenders.append(Contender(over, "ms", _each(server, row.hostile, row.status)))
            contenders.append(Contender(under, "ms", _each(server, row.ordinary, row.ordinary_status)))
            targets.append(Target(f"{row.name}, time over an ordinary one's: {vendor}", over, under, at_most=MOST))
        alone, meanwhile = f"append alone, p99 ({vendor})", f"append beside hostile ones, p99 ({vendor})"
        requests = [row.hostile for row in rows]
        contenders.append(Contender(alone, "ms", _benign(bench, server, f"alone-{vendor}", [])))
        contenders.append(Contender(meanwhile, "ms", _benign(bench, server, f"beside-{vendor}", requests)))
        targets.append(
            Target(f"append beside hostile ones, p99 over alone: {vendor}", meanwhile, alone, at_most=MOST_MEANWHILE)
        )
        results = bench.measure(contenders)
        results.targets += targets
        bench.progress(f"failed sign-ins ({vendor})")
        results.facts.append(_sign_ins(server, vendor))
    return results


def _crowd(server: Server, templates: int) -> None:
    lines = iter(hostile.crowd(hostile.AXES, templates))
    while batch := b"\n".join(itertools.islice(lines, BULK_LINES)):
        answer = load.one(server.address, post(server, batch, "application/x-ndjson"))
        if answer.status != 200:
            raise Failed(f"crowding the axes: {answer.status} {answer.body[:200]!r}")


class Row(NamedTuple):
    """A hostile request, an ordinary one of the same size, and their status codes."""

    name: str
    hostile: Request
    ordinary: Request
    status: int
    ordinary_status: int = 201


def _rows(server: Server) -> Iterator[Row]:
    for name, body in hostile.REFUSED.items():
        yield Row(f"append of {name}", _posted(server, body), _ordinary(server, name, len(body(0))), 400)
    for name, body in hostile.APPENDED.items():
        yield Row(f"append of {name}", _posted(server, body), _ordinary(server, name, len(body(0))), 201)
    crowded = _posted(
        server, lambda n: hostile.entry(f"new-{n}", verdicts=hostile.new_templates(hostile.AXES, 5_000 + n))
    )
    yield Row(
        f"append of {hostile.AXES} new templates on crowded axes",
        crowded,
        _ordinary(server, "crowded", len(crowded(0))),
        201,
    )
    for name in ("one", "other"):
        _stored(server, hostile.ordinary(f"long-{name}", hostile.LARGE))
    plain = _got(server, "/entries/long-one")
    for kind, sent in (
        ("verdicts", "tiny verdicts of many axes"),
        ("reasons", "empty reasons"),
        ("operations", "tiny operations"),
    ):
        stored = [_stored(server, hostile.APPENDED[sent](number)) for number in (-1, -2)]
        yield Row(f"page of an entry with tiny {kind}", _got(server, f"/entries/{stored[0]}"), plain, 200, 200)
        both, ordinary = f"/entries/{stored[0]}?compare={stored[1]}", "/entries/long-one?compare=long-other"
        yield Row(f"page comparing two with tiny {kind}", _got(server, both), _got(server, ordinary), 200, 200)


def _posted(server: Server, body: hostile.Body) -> Request:
    return lambda number: post(server, body(number))


def _got(server: Server, target: str) -> Request:
    return lambda number: get(server, target)


def _ordinary(server: Server, name: str, size: int) -> Request:
    prefix = f"plain-{name.replace(' ', '-')}"
    return lambda number: post(server, hostile.ordinary(f"{prefix}-{number}", size))


def _stored(server: Server, body: bytes) -> str:
    answer = load.one(server.address, post(server, body))
    if answer.status != 201:
        raise Failed(f"an entry was not stored: {answer.status} {answer.body[:200]!r}")
    return urllib.parse.unquote(load.header(answer, "Location").rpartition("/")[2])


def _each(server: Server, request: Request, status: int) -> Measure:
    numbers = itertools.count(1)

    def measure() -> Sample:
        return Sample(load.run(server.address, [request(next(numbers))], 1, status).median * 1000)

    return measure


def _benign(bench: Bench, server: Server, name: str, beside: Sequence[Request]) -> Measure:
    """99th percentile (ms) of sequential appends while each of ``beside`` is sent."""
    number = bench.plan.appends // 4
    entries = generator.appends(bench.plan.seed, name, bench.measurements * number, 1)
    appended = iter([post(server, body) for body in generator.bodies(entries)])
    numbers = itertools.count(100_000)

    def measure() -> Sample:
        with _sending(server, [request(next(numbers)) for request in beside]):
            done = load.run(server.address, [next(appended) for _ in range(number)], 1, 201)
        return Sample(done.percentile(0.99) * 1000)

    return measure


@contextmanager
def _sending(server: Server, requests: Sequence[bytes]) -> Iterator[None]:
    ended = threading.Event()

    def send() -> None:
        for data in requests:
            if ended.is_set():
                return
            load.one(server.address, data)

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send)
        try:
            yield
        finally:
            ended.set()
            sent.result()


def _sign_ins(server: Server, vendor: str) -> Fact:
    """Growth of the largest worker's peak memory during concurrent wrong sign-ins."""
    page = load.one(server.address, get(server, "/account/sign-in"))
    form = page.body.partition(b'name="csrfmiddlewaretoken" value="')[2].partition(b'"')[0].decode()
    cookie = load.header(page, "Set-Cookie").partition(";")[0]
    fields = [{"username": f"who-{n}", "password": "wrong", "csrfmiddlewaretoken": form} for n in range(SIGN_INS)]
    headers = {"Cookie": cookie, "Content_Type": "application/x-www-form-urlencoded"}
    bodies = [urllib.parse.urlencode(each).encode() for each in fields]
    requests = [load.request(server.address, "POST", "/account/sign-in", body, **headers) for body in bodies]
    before = _peaks(server)
    with ThreadPoolExecutor(SIGN_INS) as pool:
        statuses = [answer.status for answer in pool.map(lambda data: load.one(server.address, data), requests)]
    if not set(statuses) <= {200, 503} or statuses.count(200) < MOST_AT_ONCE:
        raise Failed(f"signing in with wrong passwords: {statuses}")
    grown = [peak - before[pid] for pid, peak in _peaks(server).items() if pid in before]
    return Fact(
        f"peak memory of a worker for {SIGN_INS} failed sign-ins at once: {vendor}", [max(grown)], "MB", at_most=MOST_MB
    )


def _peaks(server: Server) -> dict[int, float]:
    root = psutil.Process(server.process.pid)
    return {each.pid: _peak_mb(each.pid) for each in [root, *root.children(recursive=True)]}


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM:"))


def _growth(bench: Bench) -> Results:
    """How the cost of text functions grows when the input doubles, in this process."""
    from enhancelog import patterns
    from enhancelog.domain import filter_box, intents, search_words, strict_json

    functions: dict[str, tuple[Callable[[str], object], str, int]] = {
        "strictjson.parse": (_refusing(strict_json.parse), "[]," * 33 + '"' + '\\"' * 100_000, 200_000),
        "patterns.mask": (patterns.mask, "a_b-./" * 200, 1_000),
        "search_words": (search_words.search_words, "e\u0301字a " * 50_000, 200_000),
        "intent_key": (intents.intent_key, "_, and again " * 1_000, 10_000),
        "filter_text.parse": (_refusing(filter_box.parse), 'a:"' + '\\"' * 50_000, 100_000),
    }
    contenders, targets = [], []
    for name, (function, text, size) in functions.items():
        whole, half = f"{name}, {size:,} characters", f"{name}, {size // 2:,} characters"
        contenders.append(Contender(whole, "ms", _timed(function, text[:size])))
        contenders.append(Contender(half, "ms", _timed(function, text[: size // 2])))
        targets.append(Target(f"{name}, twice the length", whole, half, at_most=MOST_GROWTH))
    results = bench.measure(contenders)
    results.targets += targets
    return results


def _refusing(function: Callable[[str], object]) -> Callable[[str], object]:
    from enhancelog.domain.errors import Invalid

    def tried(text: str) -> object:
        try:
            return function(text)
        except Invalid as refusal:
            return refusal

    return tried


def _timed(function: Callable[[str], object], text: str) -> Measure:
    """Each call gets its own text, because some functions cache."""
    numbers = itertools.count()

    def measure() -> Sample:
        texts = [f"{next(numbers)} {text}" for _ in range(5)]
        began = time.process_time()
        for each in texts:
            function(each)
        return Sample((time.process_time() - began) / len(texts) * 1000)

    return measure
