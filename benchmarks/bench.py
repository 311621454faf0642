"""What every leg uses, and contenders that several share."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import load
from benchmarks.children import Failed, Replay, module, perform, product_environment, replaying
from benchmarks.databases import Database, Databases
from benchmarks.plan import Plan
from benchmarks.rounds import Contender, Results, Sample, interleaved
from benchmarks.servers import Server
from benchmarks.tape import Tape

LOG: Final = "/v1/enhance/log"
CLIENTS: Final = 16

Measure = Callable[[], Sample]


@dataclass
class Bench:
    plan: Plan
    databases: Databases
    progress: Callable[[str], None]
    chance: random.Random
    against: Path | None = None
    """Another checkout of the project, to compare the pages with."""
    messages: Path | None = None
    """Logs whose messages are grouped."""
    copies: ExitStack = field(default_factory=ExitStack)
    """Of what lasts as long as the run."""
    _large: dict[str, Database] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.databases.log

    def measure(self, contenders: Sequence[Contender], rounds: int = 0) -> Results:
        return interleaved(contenders, rounds or self.plan.rounds, self.chance, self.progress)

    @property
    def measurements(self) -> int:
        """Per contender, including warm-up."""
        return self.plan.rounds + 1

    def large(self, vendor: str) -> Database:
        """A copy of the large log that several legs read, and write little to. Its evidence is made, as otherwise a
        server would do while it is measured.
        """
        if vendor not in self._large:
            size = self.plan.large
            database = self.copies.enter_context(self.databases.copy_of(vendor, size))
            self.progress(f"making the evidence of {size:,} entries on {vendor}")
            environment = product_environment(database.data_dir, database.url)
            perform(module("benchmarks.legs.evidence", "sign"), environment, self.log)
            self._large[vendor] = database
        return self._large[vendor]

    def recorded(self, vendor: str, name: str, blueprints: int, transactions: int, size: int) -> Path:
        """A tape of so many batches appended to the small log."""
        tape = self.databases.folder / f"{vendor}-{name}.tape"
        self.progress(f"recording {transactions:,} transactions on {vendor}")
        with self.databases.copy_of(vendor, self.plan.small) as database:
            perform(
                module("benchmarks.inside", "record", tape, name, self.plan.seed, blueprints, transactions, size),
                product_environment(database.data_dir, database.url),
                self.log,
            )
        return tape

    @contextmanager
    def raw(self, tape: Path, vendor: str, *options: str, **more: str) -> Iterator[Replay]:
        """The tape played on a copy of the small log. Raises ``Failed`` if its rows differ from the product's."""
        with self.databases.copy_of(vendor, self.plan.small) as database:
            with replaying(tape, database.raw, self.log, *options, **more) as replay:
                yield replay
                rows = replay.end()
            if not options and rows != (expected := Tape.load(tape).rows):
                raise Failed(f"the raw driver wrote {rows}, the product {expected}")


def rate_of(replay: Replay, transactions: int, size: int = 1) -> Measure:
    """Entries per second of the raw driver, with transactions of ``size``."""

    def measure() -> Sample:
        seconds = replay.play(transactions)
        return Sample(transactions * size / sum(seconds))

    return measure


def http(server: Server, requests: Iterator[bytes], number: int, clients: int, expected: int, size: int = 1) -> Measure:
    """``size`` times the requests per second."""

    def measure() -> Sample:
        done = load.run(server.address, [next(requests) for _ in range(number)], clients, expected)
        seen = {"p50_ms": done.median * 1000, "p99_ms": done.percentile(0.99) * 1000, "generator_cpu": done.cpu_share}
        return Sample(done.rate * size, seen)

    return measure


def latency(server: Server, requests: Iterator[bytes], number: int, percentile: float = 0.5) -> Measure:
    """Milliseconds of sequential requests."""

    def measure() -> Sample:
        done = load.run(server.address, [next(requests) for _ in range(number)], 1, 200)
        return Sample(done.percentile(percentile) * 1000, {"generator_cpu": done.cpu_share})

    return measure


def post(server: Server, body: bytes, content_type: str = "application/json") -> bytes:
    authorization = f"Bearer {server.secret}"
    return load.request(server.address, "POST", LOG, body, Authorization=authorization, Content_Type=content_type)


def get(server: Server, target: str, **headers: str) -> bytes:
    return load.request(server.address, "GET", target, b"", **headers)
