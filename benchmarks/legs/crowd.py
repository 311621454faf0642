"""Health, a page and an append beside a thousand deliberately slow clients, against an idle server."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final

from benchmarks import generator, load
from benchmarks.bench import Bench, Measure, get, post
from benchmarks.databases import DATABASES
from benchmarks.rounds import Contender, Fact, Results, Sample, Target
from benchmarks.servers import Server, enhancelog, more_tokens
from tests.faults.crowd import crowd

SLOWER: Final = 3.0
STOP_S: Final = 3.0
# Until the crowd's responses are computed and sent as far as possible.
SETTLE_S: Final = 3.0
TOKENS: Final = 8
PAGES: Final = {"live": "/health/live", "ready": "/health/ready", "page": "/rejections/"}
Authorizations = list[dict[str, str]]

SCOPES: Final = ("log:append", "log:read")


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        results.add(_run(bench, vendor))
    return results


def _run(bench: Bench, vendor: str) -> Results:
    acts = [*PAGES, "append"]
    with ExitStack() as stack:
        databases = [stack.enter_context(bench.databases.copy_of(vendor, bench.plan.small)) for _ in range(2)]
        idle, crowded = (stack.enter_context(enhancelog(database, bench.log)) for database in databases)
        secrets = more_tokens(databases[1], TOKENS, SCOPES)
        authorizations = [{"Authorization": f"Bearer {secret}"} for secret in secrets]
        bodies = iter(generator.bodies(generator.appends(bench.plan.seed, "crowd", 4 * _appends(bench), 6)))
        beside = _Beside(crowded, authorizations, {act: _alone(bench, crowded, act, bodies) for act in acts})
        contenders = []
        for act in acts:
            contenders += [
                Contender(f"{act}, idle ({vendor})", "ms", _alone(bench, idle, act, bodies)),
                Contender(f"{act}, crowded ({vendor})", "ms", partial(beside.measure, act)),
            ]
        results = bench.measure(contenders)
        results.facts.append(_stop(crowded, authorizations, vendor))
    for act in acts:
        over, under = f"{act}, crowded ({vendor})", f"{act}, idle ({vendor})"
        work = f"{act} beside 500 slow heads, 200 idle, 80 half-sent forms, 40 stalled readers, 120 polls: {vendor}"
        results.targets.append(Target(work, over, under, at_most=SLOWER))
    return results


def _appends(bench: Bench) -> int:
    return bench.measurements * bench.plan.slow_reads


def _alone(bench: Bench, server: Server, act: str, bodies: Iterator[bytes]) -> Measure:
    def measure() -> Sample:
        requests = _requests(server, act, bodies, bench.plan.slow_reads)
        done = load.run(server.address, requests, 1, 201 if act == "append" else 200)
        seen = {"p50_ms": done.median * 1000, "p99_ms": done.percentile(0.99) * 1000}
        return Sample(done.median * 1000, seen | {"generator_cpu": done.cpu_share})

    return measure


class _Beside:
    """Measures all acts beside one crowd, because it takes seconds to gather, and tells them one by one."""

    def __init__(self, server: Server, authorizations: Authorizations, acts: Mapping[str, Measure]) -> None:
        self._server = server
        self._authorizations = authorizations
        self._acts = acts
        self._untold: dict[str, Sample] = {}

    def measure(self, act: str) -> Sample:
        if act not in self._untold:
            with crowd(f"http://{self._server.address.host}:{self._server.address.port}") as them:
                them.gather(self._authorizations)
                time.sleep(SETTLE_S)
                self._untold = {name: alone() for name, alone in self._acts.items()}
        return self._untold.pop(act)


def _requests(server: Server, act: str, bodies: Iterator[bytes], number: int) -> list[bytes]:
    if act == "append":
        return [post(server, next(bodies)) for _ in range(number)]
    return [get(server, PAGES[act])] * number


def _stop(server: Server, authorizations: Authorizations, vendor: str) -> Fact:
    with crowd(f"http://{server.address.host}:{server.address.port}") as them:
        them.gather(authorizations)
        time.sleep(SETTLE_S)
        began = time.perf_counter()
        server.process.terminate()
        server.process.wait()
        return Fact(f"SIGTERM beside the crowd: {vendor}", [time.perf_counter() - began], "s", at_most=STOP_S)
