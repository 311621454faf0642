from functools import cache
from typing import Final

import msgspec
from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from enhancelog import links
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
        return tagged(request._request, _entry_schema(links.absolute(reverse("entry_schema"))), SCHEMA_TYPE)


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


@cache
def _entry_schema(address: str) -> bytes:
    schemas = document()["components"]["schemas"]
    return msgspec.json.encode(standalone("Entry", schemas, address))
