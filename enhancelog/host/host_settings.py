"""Reads an engine host's settings store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.observed import Settings
from enhancelog.transfer.items import Refused
from enhancelog.transfer.sqlite_rows import Row, RowReader, Rows, Table

TABLE: Final = Table("enhance_settings", ("id", "body_json"), "a settings store")
MAX_AXES: Final = 1000


class _Spawner(Struct):
    name: str = ""


class _Body(Struct):
    verifier_axes: Annotated[tuple[str, ...], Meta(max_length=MAX_AXES)] = ()
    ttl_secs: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    spawner: _Spawner | None = None
    blueprint_id: str = ""


_decoder = msgspec.json.Decoder(_Body)


class HostSettings(RowReader[Settings]):
    """Raises ``Unreadable`` if the file is not a settings store."""

    def __init__(self, path: Path) -> None:
        super().__init__(Rows(path, TABLE, order="id"))

    def _records(self, row: Row) -> Iterator[Settings | Refused]:
        yield _settings(row)

    # What is refused goes to a file, so it does not carry the body: a spawner's ``spec`` may hold secrets.
    def _refused(self, row: Row, reason: Invalid) -> Refused:
        return super()._refused(Row(row.number, {"id": row.values["id"]}), reason)


def _settings(row: Row) -> Settings:
    return parse(row.text("id"), row.text("body_json"))


def parse(settings_id: str, text: str) -> Settings:
    """Raises ``Invalid``, without repeating the text."""
    try:
        strict_json.parse(text)
        body = _decoder.decode(text)
    except Invalid as reason:
        raise Invalid("body_json", reason.rule, "is not strict JSON") from None
    except msgspec.ValidationError as error:
        raise records.as_invalid(error, "body_json") from None
    settings = Settings(
        id=settings_id,
        axes=body.verifier_axes,
        ttl_s=body.ttl_secs,
        spawner=body.spawner.name if body.spawner else "",
        flow=body.blueprint_id,
    )
    records.check_id(settings.flow, "body_json.blueprint_id", may_be_empty=True)
    records.check_id(settings.id, "id")
    for number, axis in enumerate(settings.axes):
        records.check_id(axis, f"body_json.verifier_axes[{number}]")
    return settings
