"""The file beside a copy that says what the copy is."""

from pathlib import Path
from typing import Any, Final

import msgspec

from enhancelog.backends.copies import BadCopy, publish, sync
from enhancelog.domain import strict_json
from enhancelog.domain.backups import ENDING, FORMAT, PRODUCT, Manifest, encode
from enhancelog.domain.errors import Invalid
from enhancelog.maintenance.parts import part_of
from enhancelog.maintenance.regular_files import open_regular

LONGEST: Final = 1 << 20


def beside(copy: Path) -> Path:
    return copy.with_name(copy.name + ENDING)


def read(copy: Path) -> Manifest | None:
    """``None`` if there is none. Raises ``BadCopy`` if it is not one of ours, or ``OSError``."""
    path = beside(copy)
    try:
        with open_regular(path) as file:
            content = file.read(LONGEST + 1)
    except FileNotFoundError:
        return None
    if len(content) > LONGEST:
        raise BadCopy(f"{path} is not the manifest of a copy: it is larger than {LONGEST:,} bytes")
    try:
        return _decoded(path, strict_json.loads(content))
    except (Invalid, msgspec.ValidationError) as error:
        raise BadCopy(f"{path} is not the manifest of a copy: {error}") from None


class _Head(msgspec.Struct):
    """What manifests of all formats have."""

    product: str
    format: int
    release: str = ""


def _decoded(path: Path, value: Any) -> Manifest:
    head = msgspec.convert(value, _Head)
    if head.product != PRODUCT:
        raise BadCopy(f'{path} is of another product ("{head.product[:80]}")')
    if head.format > FORMAT:
        raise BadCopy(f"{path} is from a newer release ({head.release[:80]}); install that release")
    return msgspec.convert(value, Manifest)


def write(copy: Path, manifest: Manifest) -> None:
    """It replaces that of a copy that never came. Raises ``BadCopy`` where a file of somebody else is."""
    read(copy)
    path = beside(copy)
    path.unlink(missing_ok=True)
    with part_of(path) as part:
        part.write_bytes(encode(manifest))
        sync(part)
        publish(part, path)
