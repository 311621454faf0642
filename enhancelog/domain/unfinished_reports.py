"""An unfinished run as an agent reports it, for runs of no engine host."""

from typing import Annotated, Final, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from enhancelog.domain import strict_json
from enhancelog.domain.causes import CAUSES, Cause, cause_of
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import TEXT_SCHEMA, EpochMs, Id, IdOrEmpty, Text, check_id, checked_ops
from enhancelog.domain.unfinished import MAX_CHARACTERS, RunStatus

ShortText = Annotated[str, Meta(extra_json_schema={**TEXT_SCHEMA, "maxLength": MAX_CHARACTERS})]

_CHOICES: Final = {"status": get_args(RunStatus), "cause": CAUSES}


class UnfinishedReport(Struct, frozen=True, kw_only=True):
    """`cause`: of a run that died; derived from `reason` unless given. `ts_ms` only if exact; otherwise the bounds."""

    issue_id: Id
    blueprint_id: IdOrEmpty
    status: RunStatus
    intent: ShortText = ""
    reason: ShortText = ""
    cause: Cause | None = None
    ts_ms: EpochMs | None = None
    not_before_ms: EpochMs | None = None
    not_after_ms: EpochMs | None = None
    source: Id = "api"
    ops: Raw | UnsetType = UNSET
    candidate_hash: Text | UnsetType = UNSET


_decoder = msgspec.json.Decoder(UnfinishedReport)


def decode(data: bytes) -> UnfinishedReport:
    """Drops unknown fields. Raises ``Invalid``."""
    if not isinstance(strict_json.loads(data), dict):
        raise Invalid("", "type", "must be a JSON object")
    try:
        report = _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise named(error, _CHOICES) from None
    _check(report)
    if report.ops is not UNSET:
        report = msgspec.structs.replace(report, ops=checked_ops(report.ops))
    if report.status == "died" and report.cause is None:
        report = msgspec.structs.replace(report, cause=cause_of(report.reason))
    return report


def _check(report: UnfinishedReport) -> None:
    check_id(report.issue_id, "issue_id")
    check_id(report.blueprint_id, "blueprint_id", may_be_empty=True)
    check_id(report.source, "source")
    for field, text in (("intent", report.intent), ("reason", report.reason)):
        if len(text) > MAX_CHARACTERS:
            raise Invalid(field, "size", f"has {len(text):,} characters, the limit is {MAX_CHARACTERS:,}")
    if report.status == "pending" and report.cause is not None:
        raise Invalid("cause", "combination", "must be null while the run is pending")
    before, after = report.not_before_ms, report.not_after_ms
    if report.ts_ms is not None and not (before is after is None):
        raise Invalid("ts_ms", "combination", "is the exact time; leave out not_before_ms and not_after_ms")
    if before is not None and after is not None and before > after:
        raise Invalid("not_after_ms", "combination", "is before not_before_ms")
