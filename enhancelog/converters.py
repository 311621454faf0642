"""An id in a path: anything at all, a line break included, so that an impossible id is answered like a missing one."""

from django.urls import register_converter
from django.urls.converters import StringConverter


class IdConverter(StringConverter):
    regex = r"[\s\S]+"


register_converter(IdConverter, "id")
