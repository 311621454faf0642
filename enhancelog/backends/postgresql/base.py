import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, ClassVar, Final

from django.db import OperationalError
from django.db.backends.postgresql import base

from enhancelog.backends.postgresql import patience
from enhancelog.backends.postgresql.dialect import PostgresqlDialect

STATEMENT_TIMEOUT_MS = 60_000
# Without a threshold psycopg never prepares, even on request. Django's own cursors never prepare.
PREPARE_THRESHOLD = 5
# Our statements follow indexes for some thousand rows, most of which are in memory. By the server's defaults they look
# so expensive that it compiles them, which takes longer than they do, and that it reads whole tables instead. Settings
# of the URL take precedence.
PLANNING = "-c jit=off -c random_page_cost=1.1"

# libpq itself waits for 2 s at least.
_connectors: Final = ThreadPoolExecutor(8, "connect")


class DatabaseWrapper(base.DatabaseWrapper):
    dialect = PostgresqlDialect()
    codepoint_collation = "C"

    # How long to wait for a new connection; ``None``: for ``connect_timeout``, once for each host.
    connect_within_s: float | None = None
    # The same as a time of ``time.monotonic``.
    connect_by: float | None = None
    connectors: ClassVar[ThreadPoolExecutor] = _connectors

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        asked = params.get("options", "")
        params["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} {PLANNING} {asked}".strip()
        params = patience.defaults(params)
        if self._longest_s() is not None:  # for all hosts
            params["connect_timeout"] = patience.LEAST_CONNECT_S
        if params.get("prepare_threshold") is None:  # Django's default
            params["prepare_threshold"] = PREPARE_THRESHOLD
        return params

    def get_new_connection(self, conn_params: Mapping[str, Any]) -> Any:
        longest_s = self._longest_s()
        if longest_s is None:
            return super().get_new_connection(conn_params)
        connecting = self.connectors.submit(super().get_new_connection, conn_params)
        try:
            return connecting.result(longest_s)
        except NotInTime:
            if not connecting.cancel():  # it has begun
                connecting.add_done_callback(_close)
            raise OperationalError(f"no connection within {longest_s:.2g} s") from None

    def _longest_s(self) -> float | None:
        limits = [] if self.connect_within_s is None else [self.connect_within_s]
        if self.connect_by is not None:
            limits.append(max(0.0, self.connect_by - time.monotonic()))
        return min(limits, default=None)


def _close(connecting: "Future[Any]") -> None:
    if connecting.exception() is None:
        connecting.result().close()
