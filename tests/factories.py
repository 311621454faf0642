"""Entries for tests: ``make_entry()`` is a plain applied run, every field can be replaced."""

from typing import Any

from enhancelog.domain import records
from enhancelog.domain.records import Entry
from enhancelog.domain.times import DAY_MS

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


def make_many(number: int, now_ms: int = 1_795_000_000_000) -> list[Entry]:
    """Runs over 200 days, denser towards now, by five axes in four Blueprints; some at no plausible time."""
    found = []
    for at in range(number):
        common: dict[str, Any] = {
            "issue_id": f"h-{at}",
            "blueprint_id": ["main", "", "ops/デプロイ %", "x" * 90][at % 4],
            "ts_ms": -at if at % 50 == 7 else now_ms - (at * at * 200 * DAY_MS) // (number * number) - 1,
        }
        axes = [("noop",), ("tone & <b>", "noop"), ("agent-ref",), ("noop", "agent-ref", "licence/%")][at % 3 + at % 2]
        found.append(make_rejected(*axes, **common) if at % 5 < 2 else make_entry(**common))
    return found
