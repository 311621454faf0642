"""Deliveries: messages of alerts, and the attempts to send them."""

from typing import Final, Literal, get_args

from msgspec import Struct

DeliveryState = Literal["waiting", "folded", "delivered", "dead"]
STATES: Final = get_args(DeliveryState)


class DeliveryAttempt(Struct, frozen=True):
    """`status`: of the answer; null: there was none. `answer`: its beginning, or why there was none."""

    started_ms: int
    took_ms: int
    status: int | None
    answer: str


class Delivery(Struct, frozen=True, kw_only=True):
    """`id`: the `webhook-id`. `folded_into`: the message that took it along. `folds`: how many it took along; null
    before the first attempt. `next_ms`: the next attempt. `last`: the latest."""

    id: str
    alert: str
    alert_name: str
    event: str
    state: DeliveryState
    caused_ms: int
    made_ms: int
    folded_into: str | None
    folds: int | None
    attempts: int
    next_ms: int | None
    ended_ms: int | None
    last: DeliveryAttempt | None
