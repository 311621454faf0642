"""Sends what waits in a spool: oldest first, a batch at a time, each entry exactly once."""

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from enhancelog.client.connection import Connection
from enhancelog.client.exchange import Answer, Unavailable, problem_of
from enhancelog.client.log_calls import (
    BATCH_BYTES,
    BATCH_ENTRIES,
    LogCalls,
    Result,
    bulk_request,
    conflict_of,
    put_request,
)
from enhancelog.client.quarantine import Refused
from enhancelog.client.spool import Spool, Waiting
from enhancelog.domain.errors import Invalid, Other, Redacted

LISTED: Final = 1000

# One entry may have caused these statuses; sending entries alone shows which.
_REFUSALS: Final = (400, 413, 422)

logger = logging.getLogger(__name__)


class Delivered(NamedTuple):
    created: int = 0
    identical: int = 0
    quarantined: int = 0
    refused: tuple[Result, ...] = ()  # the first ``LISTED``

    def plus(self, other: "Delivered") -> "Delivered":
        return Delivered(
            self.created + other.created,
            self.identical + other.identical,
            self.quarantined + other.quarantined,
            (self.refused + other.refused)[:LISTED],
        )


class Delivery:
    """Batches shrink when the server refuses their size or a connection breaks, and grow again up to the limits."""

    def __init__(
        self,
        spool: Spool,
        connection: Connection,
        batch_entries: int = BATCH_ENTRIES,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        self._spool = spool
        self._connection = connection
        self._calls = LogCalls(connection)
        self._most = batch_entries
        self._bytes = batch_bytes
        self._size = batch_entries

    def batch(self) -> Delivered | None:
        """``None`` if nothing waits. If it raises ``Unavailable`` (try later), ``InUse`` or another ``Other``,
        everything still waits."""
        with self._spool.sending():
            while batch := self._spool.first(self._size, self._bytes):
                try:
                    results = self._sent(batch)
                except Unavailable as failure:
                    if failure.arrived:
                        self._size = max(1, len(batch) // 2)
                    raise
                if results is None:
                    self._size = len(batch) // 2
                    continue
                self._size = min(2 * self._size, self._most)
                return self._settled(batch, results)
        return None

    def _sent(self, batch: list[Waiting]) -> list[Result] | None:
        # None: the batch was refused as a whole.
        if len(batch) == 1:
            return [self._sent_alone(batch[0])]
        answer = self._connection.send_once(bulk_request(entry.line for entry in batch))
        return None if answer.status in _REFUSALS else self._results(batch, answer)

    def _sent_alone(self, entry: Waiting) -> Result:
        answer = self._connection.send_once(put_request(entry.issue_id, entry.line))
        if answer.status in (200, 201):
            return Result(entry.issue_id, "created" if answer.status == 201 else "identical")
        if answer.status == 409:
            conflict = conflict_of(entry.issue_id, answer)
            if isinstance(conflict, Redacted):
                return Result(entry.issue_id, "redacted")
            if problem_of(answer).detail:
                return Result(entry.issue_id, "conflict", f"the stored entry differs in {', '.join(conflict.differs)}")
        if answer.status in _REFUSALS:
            return self._refusal(entry, answer)
        # A bulk append says whether the entry or the token is refused (403). Some proxies decode the path (404, 405).
        answer = self._connection.send_once(bulk_request([entry.line]))
        if answer.status in _REFUSALS:
            return self._refusal(entry, answer)
        return self._results([entry], answer)[0]

    def _refusal(self, entry: Waiting, answer: Answer) -> Result:
        try:
            self._connection.expect(answer)
        except Invalid as broken:
            return Result(entry.issue_id, "invalid", str(broken))
        except Other as refusal:
            if answer.status == 413:  # a proxy's limit
                return Result(entry.issue_id, "invalid", str(refusal))
            raise  # it is not the API that refuses the entry
        raise AssertionError  # no status is expected

    def _results(self, batch: Sequence[Waiting], answer: Answer) -> list[Result]:
        return self._calls.results([entry.issue_id for entry in batch], answer)

    def _settled(self, batch: list[Waiting], results: list[Result]) -> Delivered:
        refused = [
            Refused(result, entry.line)
            for entry, result in zip(batch, results, strict=True)
            if result.result in ("conflict", "invalid")
        ]
        self._spool.remove(batch, refused)
        for result, _ in refused:
            logger.error("%s: %s; now in %s", result.issue_id, result.error, self._spool.quarantine.path)
        kinds = [result.result for result in results]
        reasons = tuple(result for result, _ in refused[:LISTED])
        return Delivered(
            kinds.count("created"), len(kinds) - kinds.count("created") - len(refused), len(refused), reasons
        )
