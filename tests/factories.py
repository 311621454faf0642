"""Entries for tests: ``make_entry()`` is a plain applied run, every field can be replaced."""

from typing import Any

from enhancelog import records
from enhancelog.records import Entry

HASHES = [f"{number:064x}" for number in range(1, 20)]


def make_fields(**changes: Any) -> dict[str, Any]:
    """The ten fields of a consistent applied run as plain values."""
    fields: dict[str, Any] = {
        "issue_id": "h-1",
        "blueprint_id": "main",
        "prev_hash": HASHES[0],
        "new_hash": HASHES[1],
        "intent": "writer should cite the file and line",
        "rationale": "Adds one sentence to the `writer` prompt.",
        "verdicts": [
            {"axis": "des", "status": "pass", "detail": "blueprint shape ok (id/flow/agents present)"},
            {"axis": "noop", "status": "pass", "detail": "patch produces new hash"},
        ],
        "status": "applied",
        "reasons": [],
        "ts_ms": 1_795_000_000_000,
    }
    return fields | changes


def make_entry(**changes: Any) -> Entry:
    return records.from_values(**make_fields(**changes))


def make_rejected(*axes: str, detail: str = "patch is no-op", **changes: Any) -> Entry:
    """A consistent rejected run that these axes denied; ``des`` passed unless it denied."""
    axes = axes or ("noop",)
    passed = [] if "des" in axes else [{"axis": "des", "status": "pass", "detail": "ok"}]
    denied = [{"axis": axis, "status": "deny", "detail": detail} for axis in axes]
    rejected = {
        "new_hash": "",
        "status": "rejected",
        "verdicts": passed + denied,
        "reasons": [f"{axis}: {detail}" for axis in axes],
    }
    return make_entry(**rejected | changes)
