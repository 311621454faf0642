"""Django's WSGI application. It reads requests as UTF-8, whatever their Content-Type says."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponseBase
from django.utils.http import parse_header_parameters

from enhancelog.server.mounting import mount


class Utf8Request(WSGIRequest):
    # Django reads the query string, too, in the charset that a Content-Type names. A charset that is not one of text,
    # or a parameter that cannot be decoded, fails before any handler of errors is there.
    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class Utf8Handler(WSGIHandler):
    request_class = Utf8Request

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
        mount(environ, settings.PUBLIC_PATH)  # unless the front has done so
        return super().__call__(environ, start_response)
