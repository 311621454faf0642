from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, ClassVar, Final

from django.db import OperationalError
from django.db.backends.postgresql import base

from enhancelog.backends.postgresql.dialect import PostgresqlDialect

STATEMENT_TIMEOUT_MS = 60_000
# Without a threshold psycopg never prepares, even on request. Django's own cursors never prepare.
PREPARE_THRESHOLD = 5

# libpq itself waits for 2 s at least.
_connectors: Final = ThreadPoolExecutor(8, "connect")


class DatabaseWrapper(base.DatabaseWrapper):
    dialect = PostgresqlDialect()
    codepoint_collation = "C"

    # How long to wait for a new connection; ``None``: for ``connect_timeout``.
    connect_within_s: float | None = None
    connectors: ClassVar[ThreadPoolExecutor] = _connectors

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        asked = params.get("options", "")
        params["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} {asked}".strip()
        params.setdefault("connect_timeout", 10)
        if params.get("prepare_threshold") is None:  # Django's default
            params["prepare_threshold"] = PREPARE_THRESHOLD
        return params

    def get_new_connection(self, conn_params: Mapping[str, Any]) -> Any:
        if self.connect_within_s is None:
            return super().get_new_connection(conn_params)
        connecting = self.connectors.submit(super().get_new_connection, conn_params)
        try:
            return connecting.result(self.connect_within_s)
        except NotInTime:
            if not connecting.cancel():  # it has begun
                connecting.add_done_callback(_close)
            raise OperationalError(f"no connection within {self.connect_within_s:g} s") from None


def _close(connecting: "Future[Any]") -> None:
    if connecting.exception() is None:
        connecting.result().close()
