"""A delivery as a message with whole addresses, before it is written for its channel."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from enhancelog import links
from enhancelog.alerts import wording
from enhancelog.alerts.messages import is_test
from enhancelog.alerts.outbox import Leased
from enhancelog.domain.alert_messages import Line
from enhancelog.domain.terminal import printable_line, without_terminal_codes

MOST_LINES: Final = 40
MAX_CHARACTERS: Final = 500  # of a line
MAX_TITLE: Final = 200


class OutgoingLine(NamedTuple):
    # ``url``: empty for none.
    text: str
    url: str


class Outgoing(NamedTuple):
    """Texts are single printable lines; agents may have written them. ``more``: how many messages were folded into
    this one."""

    alert_name: str
    title: OutgoingLine
    lines: Sequence[OutgoingLine]
    left_out: int
    more: int
    more_url: str
    alert_url: str


def outgoing(leased: Leased) -> Outgoing:
    delivery, alert = leased
    said = wording.message(delivery.event, data_of(leased))
    title = said.title._replace(text=f"Test: {said.title.text}") if is_test(delivery, alert) else said.title
    return Outgoing(
        alert_name=one_line(alert.name, MAX_TITLE),
        title=_written(title, MAX_TITLE),
        lines=[_written(line, MAX_CHARACTERS) for line in said.lines[:MOST_LINES]],
        left_out=max(len(said.lines) - MOST_LINES, 0),
        more=delivery.folds or 0,
        more_url=folded_url(delivery.pk),
        alert_url=links.absolute(links.alert(alert.pk)),
    )


def _written(line: Line, most: int) -> OutgoingLine:
    return OutgoingLine(one_line(line.text, most), links.absolute(line.path) if line.path else "")


def data_of(leased: Leased) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(leased.delivery.data)
    return found


def folded_url(delivery_id: str) -> str:
    return links.absolute(links.deliveries([("folded_into", delivery_id)]))


def one_line(text: str, limit: int) -> str:
    found = printable_line(without_terminal_codes(text[: 4 * limit]))
    return found if len(found) <= limit else f"{found[: limit - 1]}…"
