"""What is remembered of the logs of servers: a folder for each address."""

import fcntl
import os
import string
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx

from enhancelog.client.exchange import one_line
from enhancelog.client.witness_calls import MOST_KEYS, Known, Seen
from enhancelog.domain.errors import Forked, Invalid, Other
from enhancelog.evidence import checkpoints, keys, signed_notes
from enhancelog.evidence.encodings import quoted
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey

FOLDER: Final = "ENHANCELOG_CHECKPOINTS"
KEYS: Final = "ENHANCELOG_LOG_KEY"
OFF: Final = "off"
EVERY_S: Final = 900.0  # what asks again and again does so this often
MOST_REFUSED: Final = 10

_LONGEST_NAME: Final = 60
_PLAIN: Final = frozenset(string.ascii_lowercase + string.digits + ".-")
_MOST_BYTES: Final = 1 << 17
_LOCK_WAIT_S: Final = 2.0


class Remembered:
    """``pinned``: these keys, and no others. Methods raise ``Other`` if the disk fails."""

    # A folder with the files ``checkpoint`` (a signed note), ``keys`` (one in each line) and ``refused-…``. Processes
    # may share it.

    def __init__(self, folder: Path, url: str, pinned: tuple[VerifierKey, ...] = ()) -> None:
        self.folder = folder / _name(url)
        self._url = url
        self._pinned = pinned

    def read(self) -> Known:
        with self._failing():
            # In the other order than they are written: what signed this checkpoint is among the keys.
            note, kept = (_content(self.folder / name) for name in ("checkpoint", "keys"))
        try:
            found = [keys.parse_verifier_key(line) for line in (kept or b"").decode().splitlines()]
            checkpoint = None if note is None else checkpoints.parse_text(signed_notes.parse(note).text)
            if checkpoint and not (found or self._pinned):
                raise Unproven("there is no key")
        except (Unproven, UnicodeDecodeError) as reason:
            raise Other(f"{self.folder} is damaged: {reason}; delete it to begin again") from None
        return Known(self._pinned or tuple(found), checkpoint, bool(self._pinned))

    def keep(self, seen: Seen | None) -> None:
        """``None``: the server has no evidence."""
        # Another process may have seen a newer one.
        with self._failing(), self._locked():
            os.utime(self.folder / "lock")
            if seen is None:
                return
            known = self.read()
            # First the keys: a checkpoint is never without them, also after a crash in between.
            both = tuple(dict.fromkeys((*([] if self._pinned else known.keys), *seen.keys)))
            self._write("keys", "".join(f"{key}\n" for key in both[-MOST_KEYS:]).encode())
            if known.checkpoint is None or known.checkpoint.size <= seen.checkpoint.size:
                self._write("checkpoint", seen.note)

    def forked(self, fork: Forked, known: Known) -> Forked:
        """With the line for people."""
        reason, kept = one_line(str(fork)), self._refused(fork.shown)
        if known.checkpoint is None:
            return Forked(f"FORK: {self._url} shows a log that no known key signed: {reason}{kept}", fork.shown)
        before = f"{known.checkpoint.size:,} entries of {quoted(known.checkpoint.origin)}"
        said = f"FORK: {self._url} no longer shows the log that it had ({before}): {reason}{kept}"
        return Forked(f"{said}; if it was replaced or restored on purpose, delete {self.folder}", fork.shown)

    def is_due(self, every_s: float) -> bool:
        with self._failing():
            try:
                return not 0 <= time.time() - (self.folder / "lock").stat().st_mtime < every_s
            except FileNotFoundError:
                return True

    def _refused(self, shown: bytes) -> str:
        path = self.folder / f"refused-{sha256(shown).hexdigest()[:16]}"
        try:
            with self._failing(), self._locked():
                os.utime(self.folder / "lock", (0, 0))  # it is said again at every command
                if not path.exists() and len(list(self.folder.glob("refused-*"))) >= MOST_REFUSED:
                    return ""
                self._write(path.name, shown)
        except Other:  # the fork matters more
            return ""
        return f"; what it shows now is in {path}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Other(f"another process keeps {self.folder} locked") from None
                time.sleep(0.02)
            else:
                return

    # Whole or not at all. The lock is held, so a file that a crash left behind is only ever one.
    def _write(self, name: str, content: bytes) -> None:
        if _content(self.folder / name) == content:
            return
        new = self.folder / "new"
        with open(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.folder / name)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Other(f"cannot remember checkpoints in {self.folder}: {error.strerror or error}") from None


def from_environment(url: str, environ: Mapping[str, str] = os.environ) -> Remembered | None:
    """``None``: switched off. Raises ``Invalid``."""
    pinned = parse_keys(KEYS, environ.get(KEYS, ""))
    given = environ.get(FOLDER, "")
    if given == OFF:
        return None
    folder = Path(given) if given else _state(environ) / "enhancelog" / "checkpoints"
    return Remembered(folder, url, pinned)


def _state(environ: Mapping[str, str]) -> Path:
    given = Path(environ.get("XDG_STATE_HOME", ""))
    # Its specification: a path that is not absolute is ignored. Without a home, the folder cannot be made, either.
    return given if given.is_absolute() else Path("/", os.path.expanduser("~"), ".local/state")


def parse_keys(field: str, text: str) -> tuple[VerifierKey, ...]:
    if "PRIVATE+KEY" in text:
        raise Invalid(field, "key", "must be a verifier key, and this one signs; keep it secret")
    try:
        found = tuple(keys.parse_verifier_key(each) for each in text.split())
    except Unproven as reason:
        raise Invalid(field, "key", str(reason)) from None
    if witness := next((key for key in found if key.is_witness), None):
        raise Invalid(field, "key", f"{quoted(witness.name)} is a witness, not a log")
    return found


# The address, not the origin: whoever replaces a log could choose another origin.
def _name(url: str) -> str:
    address = httpx.URL(url)
    host = "".join(char if char in _PLAIN else "-" for char in address.host)
    return f"{host[:_LONGEST_NAME]}-{sha256(str(address).rstrip('/').encode()).hexdigest()[:16]}"


def _content(path: Path) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
