"""The keys that sign checkpoints: one in each line of a file in the data folder, or of a setting."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings

from enhancelog.backends.copies import BadCopy, publish, sync
from enhancelog.domain.errors import Other
from enhancelog.evidence import keys
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey, VerifierKey
from enhancelog.maintenance.parts import part_of
from enhancelog.maintenance.regular_files import open_regular
from enhancelog.store import evidence

FILE: Final = "evidence_key"
DEMO_FILE: Final = "demo_evidence_key"
SETTING: Final = "ENHANCELOG_EVIDENCE_KEY"
LOCK: Final = ".evidence.lock"
_LONGEST: Final = 1 << 16

# The name of a key is the origin of its checkpoints: which log they are of. It must stay when the log's address
# changes, so it is not made from that. The demo's log is another one, which lies in the same folder.


def path() -> Path:
    return Path(settings.DATA_DIR) / (DEMO_FILE if settings.DEMO else FILE)


def is_set() -> bool:
    return bool(settings.EVIDENCE_KEY) and not settings.DEMO


def where() -> str:
    return SETTING if is_set() else str(path())


def is_open_to_others() -> bool:
    try:
        return not is_set() and bool(path().stat().st_mode & 0o077)
    except OSError:
        return False


def present() -> list[SigningKey]:
    """The oldest first. Raises ``Other``: they cannot be read."""
    try:
        return keys.parse_signing_keys(settings.EVIDENCE_KEY if is_set() else _content())
    except Unproven as error:
        raise Other(f"{where()}: {error}") from None


def for_signing() -> list[SigningKey]:
    """Also makes the first one of a log. Raises ``Other``."""
    found = present()
    if not found and evidence.stored() is None:
        create(SigningKey.new(new_name()))
        found = present()
    return found


def verifiers() -> list[VerifierKey]:
    """Raises ``Other``."""
    return [key.verifier for key in present()]


def new_name() -> str:
    return f"enhancelog-{secrets.token_hex(8)}"


def create(key: SigningKey) -> None:
    """Unless another process did. Raises ``Other``."""
    try:
        write_new(path(), [key])
    except FileExistsError:
        pass
    except OSError as error:
        raise Other(f"cannot store the key {path()}: {error.strerror}") from None


def replace(with_keys: Sequence[SigningKey]) -> None:
    """Raises ``OSError``."""
    with part_of(path().with_suffix(".new")) as part:
        _fill(part, with_keys)
        part.replace(path())
        sync(path().parent)


def write_new(target: Path, with_keys: Sequence[SigningKey]) -> None:
    """Mode 0600, and whole, also on a full disk. Raises ``OSError``, such as ``FileExistsError``."""
    with part_of(target) as part:
        _fill(part, with_keys)
        publish(part, target)


def text_of(with_keys: Sequence[SigningKey]) -> str:
    return "".join(f"{key.secret_text}\n" for key in with_keys)


@contextmanager
def alone() -> Iterator[bool]:
    """Whether no other process that shares the data folder builds the tree. Raises ``OSError``."""
    descriptor = os.open(Path(settings.DATA_DIR) / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # no file can be locked here; the database keeps what is built twice apart
            pass
        yield True
    finally:
        os.close(descriptor)


def _fill(part: Path, with_keys: Sequence[SigningKey]) -> None:
    part.write_text(text_of(with_keys))
    sync(part)


def _content() -> str:
    try:
        # Without waiting: a named pipe would keep every page that shows the keys.
        with open_regular(path()) as file:
            return file.read(_LONGEST).decode()
    except FileNotFoundError:
        return ""
    except BadCopy:
        raise Other(f"cannot read the key {path()}: it is not a regular file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Other(f"cannot read the key {path()}: {getattr(error, 'strerror', None) or 'it is not text'}") from None
