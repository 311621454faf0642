"""Counters and histograms over ``shared_series``, with prometheus_client's names and output."""

import json
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

from enhancelog.observing import shared_series

# prometheus_client can add up processes only through mapped files; ``shared_series`` says why these are not used.
Labels = tuple[str, ...]

_meters: Final[list["Counter | Histogram"]] = []
# Updates read, add and write.
_lock: Final = threading.Lock()


def collect() -> Iterator[Metric]:
    totals: dict[str, dict[Labels, Sequence[float]]] = {}
    for key, values in shared_series.totals().items():
        name, *labels = json.loads(key)
        totals.setdefault(name, {})[tuple(labels)] = values
    for meter in _meters:
        found = totals.get(meter.name, {})
        if not meter.label_names and not found:
            found = {(): [0.0] * meter.size}
        yield meter.family(found)


class Counter:
    size: Final = 1

    def __init__(self, name: str, documentation: str, label_names: Sequence[str] = ()) -> None:
        self.name, self.label_names = name, label_names
        self._documentation = documentation
        self._children: dict[Labels, _Count] = {}
        _meters.append(self)

    def labels(self, *values: str) -> "_Count":
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = _Count(_series(self.name, values, self.size))
        return child

    def inc(self, amount: float = 1) -> None:
        self.labels().inc(amount)

    def family(self, found: Mapping[Labels, Sequence[float]]) -> Metric:
        family = CounterMetricFamily(self.name, self._documentation, labels=self.label_names)
        for labels, values in found.items():
            family.add_metric(labels, values[0])
        return family


class _Count:
    def __init__(self, values: "memoryview[float]") -> None:
        self._values = values

    def inc(self, amount: float = 1) -> None:
        with _lock:
            self._values[0] += amount


class Histogram:
    def __init__(
        self, name: str, documentation: str, label_names: Sequence[str] = (), *, buckets: Sequence[float]
    ) -> None:
        self.name, self.label_names = name, label_names
        self.size = len(buckets) + 2  # a count per bucket, one beyond the last, and the sum
        self._documentation = documentation
        self._buckets = buckets
        self._bounds = [*(str(float(bound)) for bound in buckets), "+Inf"]
        self._children: dict[Labels, _Distribution] = {}
        _meters.append(self)

    def labels(self, *values: str) -> "_Distribution":
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = _Distribution(_series(self.name, values, self.size), self._buckets)
        return child

    def observe(self, amount: float) -> None:
        self.labels().observe(amount)

    def family(self, found: Mapping[Labels, Sequence[float]]) -> Metric:
        family = HistogramMetricFamily(self.name, self._documentation, labels=self.label_names)
        for labels, (*counts, total) in found.items():
            reached = 0.0
            buckets = [(bound, reached := reached + count) for bound, count in zip(self._bounds, counts, strict=True)]
            family.add_metric(labels, buckets, total)
        return family


class _Distribution:
    def __init__(self, values: "memoryview[float]", buckets: Sequence[float]) -> None:
        self._values, self._buckets = values, buckets

    def observe(self, amount: float) -> None:
        with _lock:
            self._values[bisect_left(self._buckets, amount)] += 1
            self._values[-1] += amount


def _series(name: str, labels: Labels, size: int) -> "memoryview[float]":
    return shared_series.own().series(json.dumps([name, *labels]), size)
