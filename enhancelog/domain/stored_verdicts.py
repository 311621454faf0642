"""Axes and statuses of verdicts that were checked when they were stored."""

from typing import Final

import msgspec


class StoredVerdict(msgspec.Struct):
    axis: str
    status: str


decode: Final = msgspec.json.Decoder(list[StoredVerdict]).decode
