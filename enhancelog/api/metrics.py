"""``GET /metrics`` in Prometheus format."""

from collections.abc import Iterable, Iterator

from django.db import Error
from django.http import HttpResponse
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rest_framework.request import Request

from enhancelog import __version__
from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.backends import reading
from enhancelog.observing import metrics
from enhancelog.queries import deliveries, evidence, gauges, witnesses


class MetricsView(ApiView):
    """Counters are sums over all workers since the server started, or of the log."""

    permission_classes = (Allows("log:read"),)
    throttle_classes = ()
    schema = None  # no part of the API under /v1/

    def get(self, request: Request) -> HttpResponse:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(metrics.registry(_Log()))
        return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


class _Log(Collector):
    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("enhancelog_server", "This server.", {"version": __version__})
        yield from _of_replica()
        up = GaugeMetricFamily("enhancelog_database_up", "Whether the database answers.")
        try:
            found = list(_gauges())
        except Error:  # report only that it is down
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found


def _of_replica() -> Iterator[Metric]:
    if not reading.is_configured():
        return
    state = reading.watch().state
    yield GaugeMetricFamily(
        "enhancelog_replica_up", "Whether requests read from the replica.", value=float(not state.replica_problem)
    )
    if state.behind_s is not None:
        yield GaugeMetricFamily(
            "enhancelog_replica_lag_seconds", "Age of what the replica lacks of the primary.", value=state.behind_s
        )


def _gauges() -> Iterable[Metric]:
    entries = GaugeMetricFamily("enhancelog_entries", "Entries in the log.", labels=["source", "status"])
    for total in gauges.totals():
        entries.add_metric([total.source, "applied"], total.applied)
        entries.add_metric([total.source, "rejected"], total.rejected)
    judged = CounterMetricFamily("enhancelog_judged", "Runs that an axis judged.", labels=["axis"])
    denied = CounterMetricFamily("enhancelog_denied", "Rejected runs that an axis denied.", labels=["axis"])
    for axis in gauges.axes():
        judged.add_metric([axis.axis], axis.judged)
        denied.add_metric([axis.axis], axis.denied)
    unfinished = CounterMetricFamily(
        "enhancelog_unfinished", "Runs that died before they were logged.", labels=["source"]
    )
    for count in gauges.unfinished():
        unfinished.add_metric([count.source], count.died)
    newest = gauges.newest()
    yield from (entries, judged, denied, unfinished)
    yield GaugeMetricFamily(
        "enhancelog_deliveries_waiting", "Messages of alerts that are still to be sent.", value=deliveries.waiting()
    )
    yield from _of_witnesses()
    yield GaugeMetricFamily("enhancelog_last_position", "Position of the newest entry.", value=newest.position)
    yield GaugeMetricFamily(
        "enhancelog_signed_position",
        "Position of the newest entry in the last checkpoint.",
        value=evidence.signed_up_to(),
    )
    yield GaugeMetricFamily(
        "enhancelog_last_recorded_timestamp_seconds",
        "When the newest entry was stored; 0 for an empty log.",
        value=newest.recorded_ms / 1000,
    )


def _of_witnesses() -> Iterator[Metric]:
    found = witnesses.states()
    if not found:
        return
    cosigned = GaugeMetricFamily(
        "enhancelog_witness_cosigned_entries",
        "Entries of the checkpoint that the witness cosigned last.",
        labels=["witness"],
    )
    up = GaugeMetricFamily(
        "enhancelog_witness_up", "Whether the witness cosigned when it was asked last.", labels=["witness"]
    )
    for each in found:
        cosigned.add_metric([each.name], each.size)
        up.add_metric([each.name], float(not each.failure))
    yield from (cosigned, up)
