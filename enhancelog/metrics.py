"""What is measured, and the numbers as Prometheus reads them. Labels hold routes, never ids. No Django.

``serve`` names a folder in PROMETHEUS_MULTIPROC_DIR, in which every worker keeps its numbers; whichever answers adds
them all up. Without it (tests, another server) a process tells of itself.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_requests = Counter("enhancelog_http_requests", "Answered requests.", ["method", "route", "status"])
_durations = Histogram(
    "enhancelog_http_request_duration_seconds",
    "From the request to the end of the answer; streams and long polls included.",
    ["method", "route"],
    buckets=_SECONDS,
)
_appends = Counter("enhancelog_appends", "Entries offered to the log, by what became of them.", ["result"])
_append_waits = Histogram(
    "enhancelog_append_wait_seconds", "What a batch of appends waited for connection and lock.", buckets=_SECONDS
)
_content_writes = Counter("enhancelog_content_writes", "Versions written to the content store.", ["kind"])

_limits = Counter("enhancelog_limits", "Requests refused and responses ended by a limit.", ["limit"])
_polls = Counter("enhancelog_polls", "Ends of long polls: grown, time, gone or stopping.", ["end"])


def empty_folder(folder: Path) -> Path:
    """For the workers of a server that is about to start; numbers of an earlier one are gone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return folder


def request(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered."""
    _request_counter(method, route, status).inc()
    _duration_histogram(method, route).observe(seconds)


@cache  # as many as there are routes
def _request_counter(method: str, route: str, status: int) -> Counter:
    return _requests.labels(method, route, str(status))


@cache
def _duration_histogram(method: str, route: str) -> Histogram:
    return _durations.labels(method, route)


def appends(results: Iterable[str]) -> None:
    """Entries were offered to the log in this process: created, identical, conflict or skipped."""
    for result in results:
        _appends.labels(result).inc()


def append_waited(seconds: float) -> None:
    """A batch of appends got the lock."""
    _append_waits.observe(seconds)


def content_written(kinds: Iterable[str]) -> None:
    """Versions of these kinds were written in this process."""
    for kind in kinds:
        _content_writes.labels(kind).inc()


def limited(limit: str) -> None:
    """A limit refused a request or ended a response."""
    _limits.labels(limit).inc()


def poll_ended(end: str) -> None:
    """A long poll ended: grown, time, gone (its client) or stopping."""
    _polls.labels(end).inc()


def registry(*more: Collector) -> CollectorRegistry:
    """Everything to be told now, with what ``more`` collects."""
    gathered = CollectorRegistry()
    for collector in [*_own(), *more]:
        gathered.register(collector)
    return gathered


def _own() -> Sequence[Collector]:
    folder = os.environ.get(FOLDER)
    if folder is None:
        return [REGISTRY]
    return [MultiProcessCollector(None, folder), _Workers(Path(folder))]  # type: ignore[no-untyped-call]


class _Workers(Collector):
    """CPU, memory and files of all workers together, which the multi-process mode leaves out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        sums: dict[str, Metric] = {}
        for pid in self._pids():
            for metric in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                if metric.name not in ("process_start_time_seconds", "process_max_fds"):
                    _add(sums, metric)
        yield from sums.values()

    def _pids(self) -> list[str]:
        """Of this process and its siblings that have numbers in the folder; the others are no more."""
        found = {path.stem.rpartition("_")[2] for path in self._folder.glob("*.db")}
        return [pid for pid in found if _parent(pid) == os.getppid()]


def _parent(pid: str) -> int:
    try:
        return int(Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return -1


def _add(sums: dict[str, Metric], metric: Metric) -> None:
    total = sums.setdefault(metric.name, metric)
    if total is not metric:
        pairs = zip(total.samples, metric.samples, strict=True)
        total.samples = [one._replace(value=one.value + other.value) for one, other in pairs]
