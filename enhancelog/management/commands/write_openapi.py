"""``write_openapi``: the API's OpenAPI document into ``docs/openapi.json``, where a test expects the current one."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from enhancelog.api.openapi import document


class Command(BaseCommand):
    help = "Write the API's OpenAPI document to docs/openapi.json."

    def handle(self, **options: Any) -> None:
        path = settings.BASE_DIR / "docs/openapi.json"
        path.write_text(json.dumps(document(), ensure_ascii=False, indent=1) + "\n")
        self.stdout.write(str(path))
