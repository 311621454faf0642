"""Model fields that behave alike on every database."""

from typing import Any

from django.db import models


class CodePointTextField(models.TextField):  # type: ignore[type-arg]
    """Text that compares and sorts by code point on every database."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return {**super().db_parameters(connection), "collation": connection.codepoint_collation}
