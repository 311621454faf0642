from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.figures import answer, plain_filter, window_of
from enhancelog.domain.durations import Range
from enhancelog.domain.funnel_figures import (
    FunnelOfBlueprint,
    FunnelOfTime,
    FunnelResult,
    IntentsByAttempt,
    TimeRange,
    TimeToApplied,
)
from enhancelog.domain.intervals import Rate, rate
from enhancelog.queries import funnel as log
from enhancelog.queries import unfinished
from enhancelog.queries.blueprint_ids import PARAMETERS, named
from enhancelog.queries.charts import Window, scale
from enhancelog.queries.funnel import Funnel, Intents, Took

MOST: Final = 200  # Blueprints


class FunnelOfIntents(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        wanted = plain_filter(request, PARAMETERS)
        window = window_of(wanted)
        found = log.funnel(window, named(wanted))
        standing = unfinished.count(unfinished.in_window(window, named(wanted)))
        whole = _figures(found.total, found.took)
        return answer(request, FunnelResult(*whole, standing, _blueprints(found), _over_time(found, window)))


def _blueprints(found: Funnel) -> list[FunnelOfBlueprint]:
    names = sorted(found.by_blueprint, key=lambda name: (-found.by_blueprint[name].ended, name))
    return [
        FunnelOfBlueprint(
            *_figures(found.by_blueprint[name], log.took([found.times_by_blueprint.get(name, {})])), blueprint_id=name
        )
        for name in names[:MOST]
    ]


def _over_time(found: Funnel, window: Window) -> list[FunnelOfTime]:
    bars = scale(window, (slot for slot in found.by_slot if slot is not None))
    pairs = zip(bars.bars(), log.in_bars(found, bars), strict=True)
    return [FunnelOfTime(*_figures(intents, took), *bar) for bar, (intents, took) in pairs]


def _figures(
    found: Intents, took: Took
) -> tuple[Rate, Rate, Rate, Rate, IntentsByAttempt, IntentsByAttempt, TimeToApplied]:
    parts = (found.applied_first, found.applied_later, found.given_up_in_all)
    applied_first, applied_later, given_up = (rate(part, found.ended) for part in parts)
    return (
        rate(found.applied_first, found.first),
        applied_first,
        applied_later,
        given_up,
        IntentsByAttempt(**found.applied),
        IntentsByAttempt(**found.given_up),
        TimeToApplied(took.intents, _range(took.median), _range(took.p90)),
    )


def _range(found: Range | None) -> TimeRange | None:
    return None if found is None else TimeRange(*found)
