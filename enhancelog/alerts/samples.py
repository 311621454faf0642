"""What a message of each event looks like: for the test button and the documentation."""

from collections.abc import Mapping
from typing import Final

from enhancelog.domain.alert_events import (
    AboutAlert,
    Digest,
    DigestMarker,
    DigestPattern,
    Event,
    HighRate,
    MentionedBy,
    NewPattern,
    RejectedEntry,
    ReturnedPattern,
    RunUnfinished,
    SilentAxis,
    SilentRuns,
)

SERVER: Final = "http://127.0.0.1:8000"
_ALERT: Final = AboutAlert(id="9f2c4a1be07d5538", name="writer is rejected", url=f"{SERVER}/alerts/9f2c4a1be07d5538")
_KEY: Final = "8e1f0a6d3b5c7a90"
_OF_PATTERN: Final = {"pattern": _KEY, "axis": "noop", "template": "patch is no-op"}
_OF_ENTRY: Final = {"issue_id": "h-1", "blueprint_id": "main"}
_PATTERN_URL: Final = f"{SERVER}/patterns/{_KEY}"
_ENTRY_URL: Final = f"{SERVER}/entries/h-1"
_MS: Final = 1_795_000_000_000
_DAY: Final = DigestPattern(**_OF_PATTERN, denied=12, before=4, url=_PATTERN_URL)

SAMPLES: Final[Mapping[str, Event]] = {
    "pattern.new": NewPattern(alert=_ALERT, url=_PATTERN_URL, **_OF_PATTERN, **_OF_ENTRY, entry_url=_ENTRY_URL),
    "pattern.returned": ReturnedPattern(
        alert=_ALERT,
        url=_PATTERN_URL,
        **_OF_PATTERN,
        state="fixed",
        changed_by="ada",
        changed_ms=_MS - 86_400_000,
        note="prompt v12",
        **_OF_ENTRY,
        entry_url=_ENTRY_URL,
    ),
    "rate.high": HighRate(
        alert=_ALERT,
        url=f"{SERVER}/rejections/",
        rejected=61,
        runs=100,
        percent=60,
        usual_rejected=None,
        usual_runs=None,
        issue_id="h-1",
    ),
    "axis.silent": SilentAxis(alert=_ALERT, url=f"{SERVER}/axes/noop", axis="noop", judged=49, runs=50, issue_id="h-1"),
    "runs.silent": SilentRuns(alert=_ALERT, url=f"{SERVER}/search/", hours=24, last_ms=_MS, last_issue_id="h-1"),
    "run.unfinished": RunUnfinished(
        alert=_ALERT,
        url=f"{SERVER}/unfinished/h-1",
        **_OF_ENTRY,
        source="host",
        intent="cite the file and line",
        cause="time_limit",
        reason="no answer within 600 s",
    ),
    "entry.rejected": RejectedEntry(
        alert=_ALERT,
        url=_ENTRY_URL,
        **_OF_ENTRY,
        source="api",
        ts_ms=_MS,
        intent="cite the file and line",
        axes=["noop"],
        reasons=["noop: patch is no-op"],
    ),
    "mention": MentionedBy(
        alert=_ALERT, url=_PATTERN_URL, by="bob", about="pattern", about_id=_KEY, text="@ada is this fixed?"
    ),
    "digest": Digest(
        alert=_ALERT,
        url=f"{SERVER}/rejections/",
        since_ms=_MS - 7 * 86_400_000,
        until_ms=_MS,
        view="writer",
        runs=240,
        rejected=61,
        runs_before=210,
        rejected_before=40,
        is_whole=True,
        new_patterns=[_DAY],
        more_new=0,
        moved=[_DAY],
        markers=[
            DigestMarker(
                title="prompt v12", ts_ms=_MS - 86_400_000, effect="worse", url=f"{SERVER}/markers/14177383a777048f"
            )
        ],
        waiting=12,
        triage_url=f"{SERVER}/triage/",
    ),
}
