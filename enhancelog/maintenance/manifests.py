"""The file beside a copy that says what the copy is."""

from pathlib import Path
from typing import Final

import msgspec

from enhancelog.backends.copies import BadCopy, publish, sync
from enhancelog.domain.backups import ENDING, FORMAT, PRODUCT, Manifest, encode
from enhancelog.maintenance.parts import part_of

LONGEST: Final = 1 << 20


def beside(copy: Path) -> Path:
    return copy.with_name(copy.name + ENDING)


def read(copy: Path) -> Manifest | None:
    """``None`` if there is none. Raises ``BadCopy`` if it is not one of ours, or ``OSError``."""
    path = beside(copy)
    try:
        with open(path, "rb") as file:
            content = file.read(LONGEST)
    except FileNotFoundError:
        return None
    try:
        found = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BadCopy(f"{path} is not the manifest of a copy: {error}") from None
    if found.product != PRODUCT:
        raise BadCopy(f'{path} is of another product ("{found.product[:80]}")')
    if found.format > FORMAT:
        raise BadCopy(f"{path} is from a newer release ({found.release[:80]}); install that release")
    return found


def write(copy: Path, manifest: Manifest) -> None:
    """It replaces that of a copy that never came. Raises ``BadCopy`` where a file of somebody else is."""
    read(copy)
    path = beside(copy)
    path.unlink(missing_ok=True)
    with part_of(path) as part:
        part.write_bytes(encode(manifest))
        sync(part)
        publish(part, path)
