"""Django's PostgreSQL engine with a statement timeout; every thread keeps its own connection."""

from typing import Any

from django.db.backends.postgresql import base

from enhancelog.backends.postgresql.dialect import PostgresqlDialect

STATEMENT_TIMEOUT_MS = 60_000
PREPARE_THRESHOLD = 5
"""Without one psycopg never prepares, not even where it is asked to. Django's own cursors do not at all."""


class DatabaseWrapper(base.DatabaseWrapper):
    dialect = PostgresqlDialect()
    codepoint_collation = "C"

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        asked = params.get("options", "")
        params["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} {asked}".strip()
        params.setdefault("connect_timeout", 10)
        if params.get("prepare_threshold") is None:  # which is what Django makes of none
            params["prepare_threshold"] = PREPARE_THRESHOLD
        return params
