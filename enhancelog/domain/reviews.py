"""Reviews: was a denial right? What a review says, and which denials a random queue draws."""

import secrets
from hashlib import sha256
from typing import Annotated, Final, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

from enhancelog.domain import strict_json
from enhancelog.domain.decoding_errors import named
from enhancelog.domain.errors import Invalid
from enhancelog.domain.intervals import Rate
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import TEXT_SCHEMA

ReviewVerdict = Literal["right", "wrong", "unclear"]
VERDICTS: Final[tuple[ReviewVerdict, ...]] = get_args(ReviewVerdict)
# ``drawn``: made in a random queue; ``chosen``: by somebody who chose the denial.
Sample = Literal["drawn", "chosen"]
SAMPLES: Final[tuple[Sample, ...]] = get_args(Sample)

DRAWN: Final = 20  # denials of a queue
MAX_REASON: Final = 2_000  # characters
MAX_BYTES: Final = 64 << 10  # of JSON

# A seed holds the log's last position when it was made, so that what is logged later changes no draw.
NUMBERS: Final = 1_000_000
MAX_SEED: Final = 2**53 - 1  # beyond, JavaScript rounds

Reason = Annotated[str, Meta(extra_json_schema={**TEXT_SCHEMA, "maxLength": MAX_REASON})]


class NewReview(Struct, frozen=True, kw_only=True):
    verdict: ReviewVerdict
    reason: Reason = ""


class Review(Struct, frozen=True, kw_only=True):
    """`seed`: of the random queue that drew the denial; `null` if it was chosen."""

    issue_id: str
    axis: str
    reviewer: str
    verdict: ReviewVerdict
    reason: str
    made_ms: int
    seed: int | None

    @property
    def sample(self) -> Sample:
        return "chosen" if self.seed is None else "drawn"


class QueuedDenial(Struct, frozen=True):
    """`details`: what the axis said. `review`: the caller's."""

    issue_id: str
    blueprint_id: str
    ts_ms: int
    intent: str
    rationale: str
    details: list[str]
    review: ReviewVerdict | None


class ReviewQueue(Struct, frozen=True, kw_only=True):
    """`of`: the denials from which `drawn` were drawn, in the order of the draw."""

    axis: str
    seed: int
    of: int
    drawn: list[QueuedDenial]


class ReviewRates(Struct, frozen=True, kw_only=True):
    """Of the denials reviewed: `wrong` is the rate, `right` and `unclear` are the rest."""

    wrong: Rate
    right: int
    unclear: int


class ReviewFigures(Struct, frozen=True, kw_only=True):
    """`drawn`: from reviews made in random queues. `chosen`: from all others."""

    drawn: ReviewRates
    chosen: ReviewRates


class Denied(NamedTuple):
    """A denial that can be reviewed."""

    position: int
    issue_id: str
    blueprint_id: str
    axis: str


class Tally(NamedTuple):
    """Denials by what their reviewers found."""

    right: int = 0
    wrong: int = 0
    unclear: int = 0

    @property
    def reviewed(self) -> int:
        return sum(self)


class Seed(NamedTuple):
    up_to: int
    number: int

    def __int__(self) -> int:
        return self.up_to * NUMBERS + self.number


def majority(right: int, wrong: int) -> ReviewVerdict:
    """Reviewers who are unclear do not count; a tie is unclear."""
    if right == wrong:
        return "unclear"
    return "wrong" if wrong > right else "right"


def reviewer(origin: Origin) -> str:
    """A person counts once, and so does a token."""
    return origin.actor_name if origin.actor_kind == "user" else f"{origin.actor_kind} {origin.actor_name}"


def random_seed(last_position: int) -> Seed:
    return Seed(last_position, secrets.randbelow(NUMBERS))


def seed(value: int, last_position: int) -> Seed:
    """A number below ``NUMBERS`` gets the log's last position. Raises ``Invalid``."""
    up_to, number = divmod(value, NUMBERS)
    if up_to > last_position:
        raise Invalid("seed", "range", f"belongs to position {up_to:,}, but the log ends at {last_position:,}")
    return Seed(up_to or last_position, number)


def numbers(label: str, axis: str, drawn_by: Seed, below: int, most: int = DRAWN) -> list[int]:
    """Distinct, each as likely as any other in every place; ``label`` makes draws independent of each other."""
    found: dict[int, None] = {}
    turn = 0
    while len(found) < min(most, below):
        digest = sha256(f"{label} {int(drawn_by)} {turn} {axis}".encode()).digest()
        found.setdefault(int.from_bytes(digest) % below)
        turn += 1
    return list(found)


_new = msgspec.json.Decoder(NewReview)


def decode(data: bytes) -> NewReview:
    """Drops unknown fields. Raises ``Invalid``."""
    if not isinstance(strict_json.loads(data), dict):
        raise Invalid("", "type", "must be a JSON object")
    try:
        found = _new.decode(data)
    except msgspec.ValidationError as error:
        raise named(error, {"verdict": VERDICTS}) from None
    strict_json.check_text(found.reason, "reason")
    if len(found.reason) > MAX_REASON:
        raise Invalid("reason", "size", f"has {len(found.reason):,} characters, the limit is {MAX_REASON:,}")
    return found
