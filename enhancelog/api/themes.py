from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.derivation import wait_until_derived, with_derived_to
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer, plain_filter, window_of
from enhancelog.domain.errors import NO_SUCH_AXIS
from enhancelog.domain.intervals import rate
from enhancelog.domain.theme_figures import AxisThemes, ThemeFigures
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.queries.axes import never_judged
from enhancelog.queries.charts import Window
from enhancelog.queries.themes.listing import listing
from enhancelog.queries.themes.progress import standing


class ThemesOfAxis(ApiView):
    """Most denials first. Of an axis that is not prose, none."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, axis: str) -> HttpResponse:
        wanted = plain_filter(request, ())
        window = window_of(wanted)
        if never_judged([axis]):
            return problem_response(404, f"{NO_SUCH_AXIS} {axis[:80]}.")
        up_to = wait_until_derived(request, wanted, themes_of=[axis])
        return with_derived_to(answer(request, _themes(axis, window)), up_to)


def _themes(axis: str, window: Window) -> AxisThemes:
    here = standing(axis)
    if here.kind != "prose":
        return AxisThemes(axis, here.kind, here.denials, [], here.denials, here.to_come)
    found = listing(axis, window, here.up_to, window.until_ms or now_ms() + DAY_MS)
    themes = [
        ThemeFigures(
            str(each.id),
            list(each.words),
            rate(each.denials, found.denials),
            each.newest.issue_id if each.newest else None,
        )
        for each in (*found.themes, *found.rare)
    ]
    rest = found.denials - sum(each.denied.n for each in themes)
    return AxisThemes(axis, here.kind, found.denials, themes, rest, here.to_come)
