"""What is known of each witness of the settings."""

from django.conf import settings

from enhancelog.backends import dialect
from enhancelog.domain.installation import Witness
from enhancelog.models import Witness as WitnessModel


def states() -> list[Witness]:
    if not settings.WITNESSES or settings.DEMO:
        return []
    with dialect().glance():
        rows = WitnessModel.objects.in_bulk([str(each.key) for each in settings.WITNESSES])
    found = [(each, rows.get(str(each.key)) or WitnessModel()) for each in settings.WITNESSES]
    return [
        Witness(each.key.name, each.url, row.size, row.cosigned_ms, row.failure, row.detail, row.failed_ms)
        for each, row in found
    ]
