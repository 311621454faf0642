from typing import Any

from django.db.backends.postgresql import base

from enhancelog.backends.postgresql.dialect import PostgresqlDialect

STATEMENT_TIMEOUT_MS = 60_000
# Without a threshold psycopg never prepares, even on request. Django's own cursors never prepare.
PREPARE_THRESHOLD = 5


class DatabaseWrapper(base.DatabaseWrapper):
    dialect = PostgresqlDialect()
    codepoint_collation = "C"

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        asked = params.get("options", "")
        params["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} {asked}".strip()
        params.setdefault("connect_timeout", 10)
        if params.get("prepare_threshold") is None:  # Django's default
            params["prepare_threshold"] = PREPARE_THRESHOLD
        return params
