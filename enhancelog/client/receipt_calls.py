"""Receipts, as requests and their answers."""

from urllib.parse import quote

from enhancelog.client.endpoint import Endpoint
from enhancelog.client.exchange import Call, Request
from enhancelog.domain import records
from enhancelog.domain.errors import NO_SUCH_ENTRY, NotFound, Other


class ReceiptCalls:
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def receipt(self, issue_id: str) -> Call[bytes]:
        """Raises ``NotFound``."""
        if not records.is_id(issue_id):
            raise NotFound(issue_id)
        answer = yield Request("GET", f"/v1/evidence/proofs/{quote(issue_id, safe='')}")
        if answer.status == 404 and answer.body == NO_SUCH_ENTRY.encode():
            raise NotFound(issue_id)
        if answer.status == 404:
            raise Other(f"{self._endpoint.url} issues no receipts: it is an older release, or no Enhancelog server")
        return self._endpoint.expect(answer, 200).body
