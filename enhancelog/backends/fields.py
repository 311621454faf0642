from typing import Any

from django.db import models


class CodePointTextField(models.TextField):  # type: ignore[type-arg]
    """Compares and sorts by code point."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        return {**super().db_parameters(connection), "collation": connection.codepoint_collation}
