"""The keys that sign checkpoints: one in each line of a file in the data folder, or of a setting."""

import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from django.conf import settings

from enhancelog.domain.errors import Other
from enhancelog.evidence import keys
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey, VerifierKey
from enhancelog.store import evidence

FILE: Final = "evidence_key"
SETTING: Final = "ENHANCELOG_EVIDENCE_KEY"
MOST_KEYS: Final = 4
_LONGEST: Final = 1 << 16

# The name of a key is the origin of its checkpoints: which log they are of. It must stay when the log's address
# changes, so it is not made from that.


def path() -> Path:
    return Path(settings.DATA_DIR) / FILE


def present() -> list[SigningKey]:
    """The oldest first. Raises ``Other``: they cannot be read."""
    return _parsed(settings.EVIDENCE_KEY, SETTING) if settings.EVIDENCE_KEY else _parsed(_content(), str(path()))


def for_signing() -> list[SigningKey]:
    """Also makes the first one of a log. Raises ``Other``."""
    found = present()
    if not found and evidence.stored() is None:
        _create(SigningKey.new(new_name()))
        found = present()
    return found


def verifiers() -> list[VerifierKey]:
    """Raises ``Other``."""
    return [key.verifier for key in present()]


def new_name() -> str:
    return f"enhancelog-{secrets.token_hex(8)}"


def replace(with_keys: Sequence[SigningKey]) -> None:
    """Raises ``Other``."""
    _write(with_keys, os.replace)


def _create(key: SigningKey) -> None:
    # A linked file is whole, also on a full disk, and one that another process created first stays.
    try:
        _write([key], os.link)
    except FileExistsError:
        pass
    except PermissionError:  # a file system without hard links
        _write([key], os.replace)


def _write(with_keys: Sequence[SigningKey], publish: Callable[[str, Path], object]) -> None:
    try:
        descriptor, name = tempfile.mkstemp(dir=path().parent)  # mode 0600
    except OSError as error:
        raise _cannot_store(error) from None
    try:
        with open(descriptor, "w") as file:
            file.writelines(f"{key.secret_text}\n" for key in with_keys)
            file.flush()
            os.fsync(file.fileno())
        publish(name, path())
    except (FileExistsError, PermissionError):
        raise
    except OSError as error:
        raise _cannot_store(error) from None
    finally:
        Path(name).unlink(missing_ok=True)


def _cannot_store(error: OSError) -> Other:
    return Other(f"cannot store the key {path()}: {error.strerror}")


def _content() -> str:
    try:
        with open(path(), "rb") as file:
            return file.read(_LONGEST).decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Other(f"cannot read the key {path()}: {getattr(error, 'strerror', None) or 'it is not text'}") from None


def _parsed(text: str, where: str) -> list[SigningKey]:
    try:
        found = [keys.parse_signing_key(each) for each in text.split()]
    except Unproven as error:
        raise Other(f"{where}: {error}") from None
    if len(found) > MOST_KEYS:
        raise Other(f"{where}: has {len(found)} keys, the limit is {MOST_KEYS}")
    if len({key.verifier.name for key in found}) > 1:
        raise Other(f"{where}: its keys have different names, but the name says which log it is")
    return found
