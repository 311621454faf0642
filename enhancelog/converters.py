"""An id in a path: any characters, line breaks included, so that an impossible id is 404."""

from django.urls import register_converter
from django.urls.converters import StringConverter


class IdConverter(StringConverter):
    regex = r"[\s\S]+"


register_converter(IdConverter, "id")
