"""What an operator is told about an installation: its state, and problems with their fix."""

from typing import Final, Literal

from msgspec import Struct

# error: something does not work or is not safe. warning: it will hurt later. note: no finding.
Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")

# Environment variable with the names of settings that ``serve`` chose for its workers; not a setting.
CHOSEN_BY_SERVE: Final = "CHOSEN_BY_SERVE"
EVIDENCE: Final = "evidence"  # the name of its ``Derivation``


class Problem(Struct, frozen=True):
    """``fix``: a command or a setting. ``see``: the page and section of the documentation."""

    code: str
    severity: Severity
    text: str
    fix: str
    see: str


class Setting(Struct, frozen=True):
    """``origin``: environment, file, serve or default."""

    name: str
    value: str
    origin: str


class Table(Struct, frozen=True):
    name: str
    bytes: int


class Database(Struct, frozen=True):
    """``None``: not known. ``tables``: the largest; empty if that would take a scan."""

    kind: str
    address: str
    version: str = ""
    bytes: int | None = None
    tables: list[Table] = []
    is_read_only: bool = False
    connections: int | None = None
    max_connections: int | None = None
    migrated_by: str = ""
    write_from: str = ""  # the oldest release that may write
    error: str = ""  # why nothing more is known
    waits_for: str = ""  # PostgreSQL: synchronous_standby_names, if no standby is synchronous


class Replica(Struct, frozen=True):
    """Of ENHANCELOG_READ_URL. ``problem``: why nothing is read from it; empty if it is. ``None``: not known.
    ``is_alone``: the primary is gone."""

    address: str
    problem: str
    position: int | None = None  # of the log
    behind: int | None = None  # entries
    behind_s: float | None = None
    is_alone: bool = False


class Positions(Struct, frozen=True):
    """0 if there is none."""

    log: int
    recorded_ms: int
    content: int
    audit: int


class Derivation(Struct, frozen=True):
    """``behind``: how many ``of`` wait, since the time at which the first was stored, if that is known."""

    name: str
    of: str
    up_to: int
    last: int
    behind: int
    since_ms: int | None = None
    rules: int | None = None
    is_rebuilding: bool = False


class Queue(Struct, frozen=True):
    """Messages of alerts. ``failing``: names of alerts whose receiver fails; ``failed``: that were switched off;
    ``stuck``: that cannot be evaluated."""

    waiting: int
    due_ms: int | None
    dead: int
    alerts: int
    failing: list[str]
    failed: list[str]
    stuck: list[str]
    by_mail: bool
    holder: str
    held_until_ms: int


class Part(Struct, frozen=True):
    """Of the data folder. ``is_partial``: it has more files than were counted."""

    name: str
    bytes: int
    is_partial: bool = False


class File(Struct, frozen=True):
    name: str
    bytes: int
    modified_ms: int


class Space(Struct, frozen=True):
    """The disk of a folder."""

    folder: str
    bytes: int
    free_bytes: int


class Disk(Struct, frozen=True):
    """``spaces``: of the data folder, and of the database if that is on another disk."""

    folder: str
    file_system: str
    spaces: list[Space]
    parts: list[Part]
    is_writable: bool
    open_to_others: bool
    backups: list[File]  # the newest first
    backups_found: int
    copied_ms: int | None  # the last copy that ``backup`` made, wherever it is
    quarantines: list[File]
    quarantines_found: int


class Backups(Struct, frozen=True):
    """Those that ``serve`` makes. ``every_s``: 0 is never. ``failed_ms``: since when, with the ``reason`` of the last
    time. ``unable``: why this machine can make none."""

    every_s: int
    keep: int
    last_ms: int | None = None
    next_ms: int | None = None
    failed_ms: int | None = None
    reason: str = ""
    unable: str = ""


class Evidence(Struct, frozen=True):
    name: str  # of the log
    keys: list[str]  # the public ones of this server
    kept: str  # where its signing keys are
    open_to_others: bool
    size: int = 0  # of the last checkpoint, in entries
    signed_ms: int | None = None
    no_key: str = ""  # why this server signs nothing
    damage: str = ""  # why nobody can go on


class Witness(Struct, frozen=True):
    name: str
    url: str
    size: int = 0  # of the checkpoint that it cosigned last, at ``cosigned_ms``
    cosigned_ms: int | None = None
    failure: str = ""  # unreachable, refused, unverified, ahead (it knows more entries) or forked; empty if it cosigns
    detail: str = ""
    failed_ms: int | None = None  # since when


class Worker(Struct, frozen=True):
    pid: int
    started_ms: int
    memory_bytes: int


class Failures(Struct, frozen=True):
    """A counter of /metrics that means trouble."""

    metric: str
    number: int


class Status(Struct, frozen=True):
    """``None``: the database could not say."""

    problems: list[Problem]
    database: Database
    positions: Positions | None
    derivations: list[Derivation] | None
    queue: Queue | None
    disk: Disk | None
    versions: dict[str, str]
    workers: list[Worker]
    failures: list[Failures]
    settings: list[Setting]
    checked_ms: int
    replica: Replica | None = None
    backups: Backups = Backups(0, 1)
    evidence: Evidence | None = None
    witnesses: list[Witness] = []
