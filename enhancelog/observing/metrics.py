"""All metrics, and their registry for Prometheus. Labels contain routes, never ids."""

import collections
import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from enhancelog.observing import meters, shared_series
from enhancelog.observing.meters import Counter, Histogram

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_requests = Counter("enhancelog_http_requests", "Requests answered.", ["method", "route", "status"])
_durations = Histogram(
    "enhancelog_http_request_duration_seconds",
    "From the request to the end of the response, including streams and long polls.",
    ["method", "route"],
    buckets=_SECONDS,
)
_appends = Counter("enhancelog_appends", "Entries sent to the log, by result.", ["result"])
_append_waits = Histogram(
    "enhancelog_append_wait_seconds",
    "Time that batches of appends waited for connection and lock.",
    buckets=_SECONDS,
)
_content_writes = Counter("enhancelog_content_writes", "Versions written to the content store.", ["kind"])

_limits = Counter("enhancelog_limits", "Requests refused and responses ended by a limit.", ["limit"])
_polls = Counter("enhancelog_polls", "Ends of long polls: grown, time, gone or stopping.", ["end"])
_deliveries = Counter("enhancelog_deliveries", "Attempts to send a message: delivered, failed or dead.", ["result"])


def request(method: str, route: str, status: int, seconds: float) -> None:
    _requests.labels(method, route, str(status)).inc()
    _durations.labels(method, route).observe(seconds)


def appends(results: Iterable[str]) -> None:
    """Results: created, identical, conflict or skipped."""
    for result, number in collections.Counter(results).items():
        _appends.labels(result).inc(number)


def append_waited(seconds: float) -> None:
    _append_waits.observe(seconds)


def content_written(kinds: Iterable[str]) -> None:
    for kind in kinds:
        _content_writes.labels(kind).inc()


def limited(limit: str) -> None:
    _limits.labels(limit).inc()


def poll_ended(end: str) -> None:
    """``end``: grown, time, gone or stopping."""
    _polls.labels(end).inc()


def delivery_attempted(result: str) -> None:
    """``result``: delivered, failed (it is tried again) or dead."""
    _deliveries.labels(result).inc()


class WorkerProcess(NamedTuple):
    process_id: int
    started_ms: int
    memory_bytes: int


def failures() -> list[tuple[str, int]]:
    """The counters that mean trouble, since the server started."""
    sums: dict[str, float] = {}
    for key, (number, *_) in shared_series.totals().items():
        name, *labels = json.loads(key)
        if name in _TROUBLE and number and (shown := _TROUBLE[name](*labels)):
            metric = f"{name}_total{{{shown}}}"
            sums[metric] = sums.get(metric, 0) + number
    return [(metric, round(number)) for metric, number in sorted(sums.items())]


_TROUBLE: Final[dict[str, Callable[..., str]]] = {
    "enhancelog_http_requests": lambda _, __, status: f'status="{status}"' if status >= "500" else "",
    "enhancelog_appends": lambda result: 'result="conflict"' if result == "conflict" else "",
    "enhancelog_limits": lambda limit: f'limit="{limit}"',
    "enhancelog_deliveries": lambda result: f'result="{result}"' if result != "delivered" else "",
}


def workers() -> list[WorkerProcess]:
    """The processes of this server; empty in a command."""
    if shared_series.MEMORY not in os.environ:
        return []
    return [_worker(each) for each in sorted(shared_series.process_ids()) if _parent(each) == os.getppid()]


def _worker(process_id: int) -> WorkerProcess:
    found = ProcessCollector(pid=partial(str, process_id), registry=None).collect()
    values = {metric.name: metric.samples[0].value for metric in found}
    started_ms = round(1000 * values.get("process_start_time_seconds", 0))
    return WorkerProcess(process_id, started_ms, round(values.get("process_resident_memory_bytes", 0)))


def registry(*more: Collector) -> CollectorRegistry:
    gathered = CollectorRegistry()
    for collector in [_Meters(), _Workers(), *more]:
        gathered.register(collector)
    return gathered


class _Meters(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from meters.collect()


class _Workers(Collector):
    def collect(self) -> Iterator[Metric]:
        sums: dict[str, Metric] = {}
        for process_id in shared_series.process_ids():
            if _parent(process_id) != os.getppid():
                continue  # it ended
            for metric in ProcessCollector(pid=partial(str, process_id), registry=None).collect():
                if metric.name not in ("process_start_time_seconds", "process_max_fds"):
                    _add(sums, metric)
        yield from sums.values()


def _parent(process_id: int) -> int:
    try:
        return int(Path("/proc", str(process_id), "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return -1


def _add(sums: dict[str, Metric], metric: Metric) -> None:
    total = sums.setdefault(metric.name, metric)
    if total is not metric:
        pairs = zip(total.samples, metric.samples, strict=True)
        total.samples = [one._replace(value=one.value + other.value) for one, other in pairs]
