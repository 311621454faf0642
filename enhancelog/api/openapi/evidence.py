from typing import Any, Final

from enhancelog.api.evidence import COSIGNED, TILE
from enhancelog.api.openapi.log import ISSUE_ID
from enhancelog.api.openapi.parts import NOT_MODIFIED, READ_ERRORS, Part, answer, content, in_path, operation, query
from enhancelog.domain.errors import NO_SUCH_ENTRY
from enhancelog.evidence.merkle import MAX_SIZE

_TEXT: Final = "text/plain"
_NOTE: Final = (
    "enhancelog-6e1b60c2a5d0f3a8\n77\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— enhancelog-6e1b60c2a5d0f3a8 YY+4hOq…\n"
)
_HASH: Final = "R7pi62vTWAzvlIHEPB+yx7FRW4hIYDTSjYTAeTv8kVA="
_SIZE: Final[Part] = {"type": "integer", "minimum": 0, "maximum": MAX_SIZE}


def _get(name: str, summary: str, shown: Part, description: str, *errors: str, **more: Any) -> Part:
    answers = {"200": answer(description, shown, "ETag"), "304": NOT_MODIFIED, **more.pop("answers", {})}
    return {"get": operation(name, "evidence", summary, answers, errors=[*READ_ERRORS, *errors], **more)}


def _text(example: str) -> Part:
    return content({"type": "string"}, example, _TEXT)


OPERATIONS: Final[dict[str, Part]] = {
    "/v1/evidence/checkpoint": _get(
        "get_checkpoint",
        "Size and root of the tree over the log, signed",
        _text(_NOTE),
        "A C2SP tlog-checkpoint. 503 before the first one.",
        "404",
        parameters=[
            query(
                COSIGNED,
                {"type": "string", "enum": ["true", "false"]},
                "Whether to get the newest one that witnesses cosigned. 404: there is none.",
            )
        ],
    ),
    "/v1/evidence/keys": _get(
        "get_evidence_keys",
        "The verifier keys of this log, the oldest first",
        _text("enhancelog-6e1b60c2a5d0f3a8+618fb884+AYMgpR…\n"),
        "One in each line. They prove nothing to somebody who has them only from here.",
    ),
    "/v1/evidence/proofs/{issue_id}": _get(
        "get_receipt",
        "The receipt of an entry: that the log contains it",
        _text(f"c2sp.org/tlog-proof@v1\nextra eyJsZWFmIj…\nindex 41\n{_HASH}\n\n{_NOTE}"),
        "A C2SP tlog-proof. 503 with Retry-After until a checkpoint has the entry, within seconds.",
        answers={"404": answer("No such entry.", content({"type": "string"}, NO_SUCH_ENTRY, _TEXT))},
        parameters=[ISSUE_ID],
    ),
    "/v1/evidence/consistency": _get(
        "get_consistency",
        "The proof that the log has only grown since an earlier checkpoint",
        _text(f"old 41\n{_HASH}\n\n{_NOTE}"),
        "The size, the hashes of the proof, an empty line, and the checkpoint, unless `second` is another size.",
        parameters=[
            query("first", _SIZE, "The size of the earlier checkpoint.", required=True),
            query("second", _SIZE, "The size up to which it grew; unless given, that of the newest checkpoint."),
        ],
    ),
    "/v1/evidence/tile/{path}": _get(
        "get_tile",
        "A part of the tree, for mirrors",
        content({"type": "string", "format": "binary"}, "", TILE),
        "A C2SP tlog-tiles tile: hashes, or an entry bundle.",
        "404",
        parameters=[
            in_path(
                "path",
                {"type": "string", "pattern": r"^(entries|[0-9]{1,2})/(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[0-9]{1,3})?$"},
                "0/x001/234.p/17",
            )
        ],
    ),
}
