"""What is off about an entry, and that nothing is off about an ordinary one."""

from typing import Any

import pytest

from enhancelog.domain.badges import MEANINGS, badges
from enhancelog.domain.origin import OPTIMIZERS
from tests.factories import HASHES, make_entry, make_rejected
from tests.strategies import NOW_MS

HOST = "host-a"  # a source
DENIED = [{"axis": "noop", "status": "deny", "detail": "why"}]
PASSED = [{"axis": "noop", "status": "pass", "detail": "why"}]


@pytest.mark.parametrize("entry", [make_entry(), make_entry(verdicts=[]), make_rejected("des", "noop")])
def test_a_consistent_entry_has_none(entry: Any) -> None:
    assert badges(entry, NOW_MS, HOST) == ()


@pytest.mark.parametrize(
    ("changes", "badge"),
    [
        ({"verdicts": DENIED}, "applied despite a denial"),
        ({"new_hash": ""}, "applied without a hash"),
        ({"reasons": ["noop: why"]}, "reasons differ"),
        ({"verdicts": PASSED + PASSED}, "axis judged twice"),
        ({"prev_hash": "A" * 64}, "unusual hash"),
        ({"prev_hash": "a" * 64 + "\n"}, "unusual hash"),
        ({"prev_hash": ""}, "unusual hash"),
        ({"new_hash": "short"}, "unusual hash"),
        ({"ts_ms": -1}, "implausible time"),
        ({"ts_ms": 2**63 - 1}, "implausible time"),
    ],
)
def test_an_applied_entry_says_what_is_off(changes: dict[str, Any], badge: str) -> None:
    assert badges(make_entry(**changes), NOW_MS, HOST) == (badge,)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"new_hash": HASHES[1]}, ("rejected with a hash",)),
        ({"verdicts": PASSED, "reasons": []}, ("rejected without a denial",)),
        ({"verdicts": [], "reasons": []}, ("rejected without a denial",)),
        ({"reasons": []}, ("reasons differ",)),
        ({"verdicts": DENIED + PASSED, "reasons": ["noop: why"]}, ("axis judged twice",)),
    ],
)
def test_a_rejected_entry_says_what_is_off(changes: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert badges(make_rejected("noop", **changes), NOW_MS, HOST) == expected


def test_every_badge_has_a_meaning_and_comes_in_that_order() -> None:
    entry = make_entry(verdicts=DENIED + DENIED, new_hash="", prev_hash="x", reasons=["?"], ts_ms=-1)
    found = badges(entry, NOW_MS, HOST)
    assert list(found) == [badge for badge in MEANINGS if badge in found]
    assert len(found) == 6


@pytest.mark.parametrize("source", ["api", *OPTIMIZERS])
def test_a_hash_of_another_tool_is_unusual_only_for_a_host(source: str) -> None:
    entry = make_entry(prev_hash="4b825dc642cb6eb9a060e54bf8d69288fbee4904", new_hash="v2")
    assert badges(entry, NOW_MS, HOST) == badges(entry, NOW_MS, "import") == ("unusual hash",)
    assert badges(entry, NOW_MS, source) == ()
