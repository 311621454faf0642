"""Names in the lists of the admin, as on pages."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.template import engines
from django.utils.safestring import SafeString

CSS: Final = {"all": ("css/admin.css",)}


def named(field: str, label: str = "") -> Callable[[Any], str]:
    """A column for ``list_display``. The admin needs ``CSS``."""

    @admin.display(description=label or field.replace("_", " "), ordering=field)
    def column(row: Any) -> str:
        return _name(str(getattr(row, field)))

    column.__name__ = field
    return column


# As the macro ``name``, which escapes it.
def _name(value: str) -> SafeString:
    marks = engines["jinja"].env.get_template("macros/marks.jinja").module  # type: ignore[attr-defined]
    return SafeString(marks.name(value))
