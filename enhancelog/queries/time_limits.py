"""Time limits of hosts' runs."""

from enhancelog.backends import faults
from enhancelog.models import Observation
from enhancelog.projections import source_names


def time_limits_ms() -> dict[str, int]:
    """The shortest time limit of a run that each source's settings named last, by the source's name."""
    seen = Observation.objects.filter(kind="ttl_s").order_by("id").values_list("source", "name", "value")
    with faults():
        latest = {(source, name): value for source, name, value in seen}
    limits: dict[str, int] = {}
    names = source_names.current()
    for (recorded, _), value in latest.items():
        if value.isdecimal():
            source = names.shown(recorded)
            limits[source] = min(int(value) * 1000, limits.get(source, int(value) * 1000))
    return limits
