from functools import cache
from typing import Final

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.api.openapi import document
from enhancelog.api.openapi.standalone import standalone

SCHEMA_TYPE: Final = "application/schema+json"


class OpenApi(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        return tagged(request._request, _encoded(), MEDIA_TYPES["json"])


class EntrySchema(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        return tagged(request._request, _entry_schema(settings.PUBLIC_URL), SCHEMA_TYPE)


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


@cache
def _entry_schema(public_url: str) -> bytes:
    schemas = document()["components"]["schemas"]
    return msgspec.json.encode(standalone("Entry", schemas, public_url + reverse("entry_schema")))
