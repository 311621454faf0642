"""What proves that the log only grew: C2SP's formats, for tools of others too."""

from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView, tagged
from enhancelog.api.errors import problem_response
from enhancelog.api.retry_after import GONE_RETRY_AFTER_S, RETRY_AFTER_S, retry_after
from enhancelog.api.views import no_such_entry
from enhancelog.backends import reading
from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.evidence.merkle import MAX_SIZE
from enhancelog.maintenance import evidence_keys
from enhancelog.queries import entries, evidence

TEXT: Final = "text/plain; charset=utf-8"
# Of full tiles, too, caches keep nothing without asking, although they never change: who may read can change, a log
# restored from a copy gets other ones, and a mirror reads each once.
TILE: Final = "application/octet-stream"
SIZES: Final = ("first", "second")
COSIGNED: Final = "cosigned"


class CheckpointOfLog(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        if filters.flag(dict(request._request.GET.lists()), COSIGNED):
            cosigned = evidence.cosigned_checkpoint()
            if cosigned is None:
                return problem_response(404, "No witness has cosigned a checkpoint of this log.")
            return tagged(request._request, cosigned.note, TEXT)
        found = evidence.checkpoint()
        return _too_early() if found is None else tagged(request._request, found.note, TEXT)


class KeysOfLog(ApiView):
    """Of this server, one in each line, the oldest first."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        lines = "".join(f"{key}\n" for key in evidence_keys.verifiers())
        return tagged(request._request, lines.encode(), TEXT) if lines else _too_early()


class ReceiptOfEntry(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, issue_id: str) -> HttpResponse:
        try:
            listed = entries.get(issue_id)
        except NotFound:
            return no_such_entry()
        found = evidence.receipt(listed)
        return _too_early("this entry") if found is None else tagged(request._request, found.content, TEXT)


class ConsistencyOfLog(ApiView):
    """``first`` must be given (400)."""

    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        parameters = dict(request._request.GET.lists())
        filters.check_single(parameters, *SIZES)
        first, second = (filters.whole(parameters, name, MAX_SIZE) for name in SIZES)
        if first is None:
            raise Invalid("first", "missing", "is missing; it is the size of the checkpoint that you know")
        found = evidence.growth(first, second)
        return _too_early() if found is None else tagged(request._request, found, TEXT)


class TileOfLog(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request, path: str) -> HttpResponse:
        found = evidence.tile(f"tile/{path}")
        if found is None:
            return problem_response(404, "The checkpoint has no such tile.")
        return tagged(request._request, found, TILE)


# Neither 404, which clients take for final, nor a wait that holds a thread: a checkpoint follows within seconds.
def _too_early(what: str = "") -> HttpResponse:
    if gone := reading.gone():
        why, wait_s = f"none is signed, because {gone}", GONE_RETRY_AFTER_S
    else:
        why, wait_s = "the next one follows within seconds, or the server's log says why not", RETRY_AFTER_S
    said = f"No checkpoint has {what} yet" if what else "There is no checkpoint yet"
    return problem_response(503, f"{said}; {why}.", headers={"Retry-After": retry_after(wait_s)})
