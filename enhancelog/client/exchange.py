"""HTTP requests and answers without the network, for every kind of client."""

from collections.abc import Generator
from typing import Final, Literal, NamedTuple, TypeVar

import httpx
import msgspec

from enhancelog.domain.errors import Invalid, Other
from enhancelog.domain.terminal import printable_line
from enhancelog.domain.text import cut

T = TypeVar("T")

BRIEF_S: Final = 5.0
BRIEF_BYTES: Final = 1 << 17

_LONGEST_DETAIL: Final = 300


class Request(NamedTuple):
    method: str
    path: str  # percent-encoded
    params: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    # After an attempt without an answer that the server may have processed: repeat it, stop with ``Other``, or send
    # another request.
    if_arrived: "IfArrived" = "repeat"
    is_brief: bool = False  # sent once, and answered within BRIEF_S and BRIEF_BYTES or not at all


IfArrived = Literal["repeat", "stop"] | Request


class Answer(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes
    next: str | None = None  # the address in ``Link: rel="next"``


# An operation yields requests, is sent their answers, and returns its result.
Call = Generator[Request, Answer, T]


class Unavailable(Other):
    """No answer in time."""

    def __init__(self, reason: str, retry_after_s: float = 0.0, *, arrived: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s  # as the server asked, or 0
        self.arrived = arrived  # the server may have processed the request


class Problem(NamedTuple):
    detail: str = ""
    broken: Invalid | None = None  # the first broken rule


def one_line(text: str, length: int = _LONGEST_DETAIL) -> str:
    """For a terminal: one line, printable, at most ``length`` characters."""
    return cut(printable_line(text), length)


def problem_of(answer: Answer) -> Problem:
    if answer.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return Problem()
    try:
        found = msgspec.json.decode(answer.body, type=_Problem)
    except msgspec.MsgspecError:
        return Problem()
    return Problem(one_line(found.detail), next((error.as_invalid() for error in found.errors), None))


def json_of(answer: Answer, decoder: "msgspec.json.Decoder[T]", url: str) -> T:
    """Raises ``Other`` if the body is not what the API promises."""
    try:
        return decoder.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Other(f"{url} did not send the API's JSON") from None


class _Broken(msgspec.Struct):
    field: str = ""
    rule: str = ""
    detail: str = ""

    def as_invalid(self) -> Invalid:
        return Invalid(one_line(self.field), one_line(self.rule), one_line(self.detail))


class _Problem(msgspec.Struct):
    detail: str = ""
    errors: list[_Broken] = []
