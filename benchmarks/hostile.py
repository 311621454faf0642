"""Requests that cost more than their size suggests, each with an ordinary one of about the same size (bytes)."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

LARGE: Final = 1_000_000
BLUEPRINT: Final = "hostile"
AXES: Final = 8
NOW_MS: Final = 1_735_700_000_000

Body = Callable[[int], bytes]

_chance = random.Random("hostile")
WORDS: Final = ["".join(_chance.choices("bcdfgklmnprstvz", k=3)) + str(_chance.choice("aeiou")) for _ in range(3_000)]


def entry(issue_id: str, **fields: Any) -> bytes:
    """A rejected entry with only ``fields``, unique per number."""
    plain: dict[str, Any] = {
        "blueprint_id": BLUEPRINT,
        "prev_hash": "",
        "new_hash": "",
        "intent": f"intent {issue_id}",
        "rationale": "r",
    }
    plain |= {"verdicts": [], "status": "rejected", "reasons": [], "ts_ms": NOW_MS}
    return json.dumps({"issue_id": issue_id, **plain, **fields}, ensure_ascii=False, separators=(",", ":")).encode()


def deny(axis: str, detail: str) -> dict[str, str]:
    return {"axis": axis, "status": "deny", "detail": detail}


def prose(size: int, seed: object) -> str:
    return " ".join(random.Random(str(seed)).choices(WORDS, k=size // 5))


def ordinary(issue_id: str, size: int) -> bytes:
    """An entry with long verbal explanations on four axes."""
    verdicts = [deny(f"axis-{number}", prose(size // 8, f"{issue_id}/{number}")) for number in range(4)]
    return entry(
        issue_id, intent=prose(size // 4, issue_id), rationale=prose(size // 4, f"{issue_id}/r"), verdicts=verdicts
    )


def filled(make: Callable[[int], Any], size: int) -> list[Any]:
    number = size // len(json.dumps([make(size // 50)], separators=(",", ":")))
    return [make(each) for each in range(number)]


def crowd(axes: int, templates: int) -> Iterator[bytes]:
    """Entries that give each axis so many templates."""
    for number in range(templates):
        yield entry(f"crowd-{number}", verdicts=new_templates(axes, number))


def new_templates(axes: int, number: int) -> list[dict[str, str]]:
    """A denial per axis with a new template: fifty words, one of which varies."""
    chance = random.Random(f"template {number}")
    words = [chance.choice(WORDS) if place == number % 40 else WORDS[place] for place in range(50)]
    return [deny(f"crowded-{axis}", " ".join(words)) for axis in range(axes)]


# Invalid bodies: 400.
REFUSED: Final[dict[str, Body]] = {
    "escaped quotes without an end": lambda n: b'{"a":[' + b"[]," * 33 + b'"' + b'\\"' * 32_000,
    "distinct keys, the last one twice": lambda n: (
        b"{" + b",".join(b'"%x":1' % key for key in range(LARGE // 9)) + b',"%x":2}' % (LARGE // 9 - 1)
    ),
    "a long key above many": lambda n: (
        b'{"\\u0041' + b"k" * (LARGE // 2) + b'":{' + b",".join(b'"%x":1' % key for key in range(LARGE // 18)) + b"}}"
    ),
}

APPENDED: Final[dict[str, Body]] = {
    "26 underscores": lambda n: entry(f"underscores-{n}", verdicts=[deny("noop", "_" * 26)]),
    "a detail of backslashes and quotes": lambda n: entry(f"quotes-{n}", verdicts=[deny("noop", "'\\" * 500)]),
    "tiny verdicts of one axis": lambda n: entry(f"tiny-{n}", verdicts=filled(lambda _: deny("x", ""), LARGE)),
    "tiny verdicts of many axes": lambda n: entry(
        f"axes-{n}", verdicts=filled(lambda each: deny(f"a{each:x}", f"d{each:x}"), LARGE)
    ),
    "empty reasons": lambda n: entry(f"reasons-{n}", reasons=filled(lambda _: "", LARGE)),
    "tiny operations": lambda n: entry(
        f"ops-{n}", ops=filled(lambda each: {"op": "remove", "path": f"/{each}"}, LARGE)
    ),
}
