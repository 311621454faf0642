import json
from typing import Any

from django.conf import settings

from enhancelog.api.openapi import document
from enhancelog.management.database import Needs
from enhancelog.management.reporting import ReportingCommand


class Command(ReportingCommand):
    help = "Write the API's OpenAPI document to docs/openapi.json."
    needs = Needs.NOTHING

    def report(self, **options: Any) -> bool:
        path = settings.BASE_DIR / "docs/openapi.json"
        path.write_text(json.dumps(document(), ensure_ascii=False, indent=1) + "\n")
        self.stdout.write(str(path))
        return False
