from functools import cache

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.api.openapi import document


class OpenApi(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_encoded(), content_type=MEDIA_TYPES["json"])


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())
