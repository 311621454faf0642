"""Names in the lists of the admin, as on pages: short, whole on hover and focus, and marked if they deceive."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.template import engines
from django.utils.safestring import SafeString

CSS: Final = {"all": ("css/admin.css",)}


def named(field: str, label: str = "") -> Callable[[Any], SafeString]:
    """A column for ``list_display``. The admin needs ``CSS``."""

    @admin.display(description=label or field.replace("_", " "), ordering=field)
    def column(row: Any) -> SafeString:
        marks = engines["jinja"].env.get_template("macros/marks.jinja").module  # type: ignore[attr-defined]
        return SafeString(marks.name(str(getattr(row, field))))  # the macro escapes it

    column.__name__ = field
    return column
