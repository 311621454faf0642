"""What is said of a copy of the database: the file that lies beside it."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, json

PRODUCT: Final = "enhancelog"
FORMAT: Final = 1
ENDING: Final = ".json"  # after the whole name of the copy

MadeBy = Literal["backup", "serve", "upgrade"]

# What is printed has limits, because anybody may have written the file.
Word = Annotated[str, Meta(max_length=200)]
LONGEST_CHECKPOINT: Final = 1 << 16  # characters
Note = Annotated[str, Meta(max_length=LONGEST_CHECKPOINT)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]

CONTAINED: Final = [
    "the log with patches, documents, versions and unfinished runs, and all that is derived from it",
    "the content store with every revision",
    "redactions, without the texts that they took out",
    "names of sources, and what was changed about them",
    "states, notes, reviews, markers, alerts and their messages",
    "users with hashed passwords, groups, sessions, hashed API tokens and saved views",
    "the audit",
]
NOT_CONTAINED: Final = {
    "secret_key": "Signs sessions. Copy the file from the data folder, or keep what ENHANCELOG_SECRET_KEY is set to; "
    "without it, everybody signs in again.",
    "evidence_key": "Signs the log's checkpoints. Copy the file from the data folder, or keep what "
    "ENHANCELOG_EVIDENCE_KEY is set to; without it, evidence_key --replace makes another one, and everybody who "
    "verifies must be told.",
    "quarantine/": "Rows that imports refused. Copy the folder from the data folder.",
    "settings": "Environment variables and the files that they name. Keep the unit, Compose or env file.",
    "roles": "PostgreSQL's users and their privileges. Create them on the new server, or copy them with "
    "pg_dumpall --roles-only.",
}


class Extent(Struct, frozen=True):
    """The last position of the log and of the audit, and the last content revision; 0: none."""

    log: Number
    content: Number
    audit: Number


class Manifest(Struct, frozen=True, kw_only=True):
    """``schema``: the fingerprint of the schema. ``migrated_by``: the release whose schema it is."""

    product: Word
    format: Number
    release: Word
    migrated_by: Word
    schema: Word
    database: Word
    database_version: Word
    made_by: Word
    made_ms: int
    made: Word
    extent: Extent
    checkpoint: Note = ""  # the signed one in the copy
    bytes: Number
    sha256: Word
    contains: list[str]
    does_not_contain: dict[str, str]


def encode(manifest: Manifest) -> bytes:
    return json.format(json.encode(manifest), indent=2) + b"\n"
