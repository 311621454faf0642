"""Writes triage as one JSON file, an item a line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from enhancelog.domain.triage_files import FORMAT, VERSION, TriageKind
from enhancelog.queries import triage_files

_SECTIONS: Final[Mapping[TriageKind, Callable[[], Iterator[Sequence[Any]]]]] = {
    "states": triage_files.states,
    "notes": triage_files.notes,
    "reviews": triage_files.reviews,
    "views": triage_files.views,
    "alerts": triage_files.alerts,
}

_encoder = msgspec.json.Encoder()


def written() -> Iterator[bytes]:
    """A piece for each chunk that is read."""
    yield b'{"format": "%b", "version": %d' % (FORMAT.encode(), VERSION)
    for name, chunks in _SECTIONS.items():
        before = b',\n"%b": [\n' % name.encode()
        for chunk in chunks():
            if chunk:
                yield before + b",\n".join(map(_encoder.encode, chunk))
                before = b",\n"
        yield b"\n]" if before == b",\n" else before.rstrip() + b"]"
    yield b"}\n"
