"""Commands that another distribution adds to ``enhancelog``, such as the server's ``serve``."""

# It declares the entry point ``enhancelog.commands``, a ``CommandGroup``.

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, NamedTuple

from enhancelog import __version__

ENTRY_POINTS: Final = "enhancelog.commands"
# The client's own commands. They take precedence: ``enhancelog flush`` is never Django's, which would empty the log.
CLIENT: Final = frozenset(
    {"append", "flush", "get", "list", "mark", "mcp", "note", "receipt", "state", "verify", "why"},
)
INSTALL: Final = "pip install enhancelog-server"
FAILED: Final = 2

_ROOT: Final = Path(__file__).resolve().parent.parent.parent


class CommandGroup(NamedTuple):
    title: str
    # For ``--help``: a name and what it does, in one line. ``run`` may know more commands.
    shown: Mapping[str, str]
    # Takes the arguments, the command's name first; returns the exit code.
    run: Callable[[Sequence[str]], int]


class Unusable(Exception):
    """Why an installed group cannot be used, in one line."""


def is_one(arguments: Sequence[str]) -> bool:
    """Whether the arguments name a command that is not the client's."""
    return bool(arguments) and not arguments[0].startswith("-") and arguments[0] not in CLIENT


def run(arguments: Sequence[str]) -> int:
    try:
        group = next(_groups(), None)
    except Unusable as error:
        return _fail(str(error))
    if group:
        return group.run(arguments)
    return _fail(f'the client has no command "{_printable(arguments[0])}"; {_advice(arguments[0])}')


def listing() -> str:
    """The part of ``enhancelog --help`` about these commands."""
    try:
        groups = list(_groups())
    except Unusable as error:
        return f"\nserver commands:\n  {error}\n"
    if not groups:
        return f"\nserver commands:\n  {_advice('help')}\n"
    return "".join(map(_lines, groups))


def _lines(group: CommandGroup) -> str:
    width = max(map(len, group.shown))
    return f"\n{group.title}:\n" + "".join(f"  {name:{width}}  {text}\n" for name, text in group.shown.items())


def _groups() -> Iterator[CommandGroup]:
    for found in entry_points(group=ENTRY_POINTS):
        yield _load(found)


def _load(found: EntryPoint) -> CommandGroup:
    # Both write into the package ``enhancelog``, so an upgrade of one alone mixes two releases.
    if found.dist and found.dist.version != __version__:
        name = found.dist.name
        raise Unusable(
            f"{name} {found.dist.version} needs its own release of enhancelog, but this is {__version__};"
            f" run: pip install --upgrade {name}"
        )
    try:
        group: CommandGroup = found.load()
    except ImportError as error:
        raise Unusable(f"the server lacks {error.name or error}; run: {INSTALL}") from None
    return group


def _advice(command: str) -> str:
    if (_ROOT / "manage.py").is_file():
        return f"in this clone, the server's commands are: python3 manage.py {_printable(command)}"
    return f"for the server's, run: {INSTALL}"


def _printable(text: str) -> str:
    return text.encode("unicode_escape").decode() if not text.isprintable() else text


def _fail(reason: str) -> int:
    print(f"enhancelog: {reason}", file=sys.stderr)
    return FAILED
