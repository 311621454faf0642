"""What the audit records: who did what in this system, beside the log."""

from typing import Any, Final, Literal, get_args

from msgspec import Struct

AuditAct = Literal[
    "pattern.state",
    "pattern.split",
    "pattern.merge",
    "pattern.undo",
    "note.add",
    "note.edit",
    "note.withdraw",
    "review.set",
    "entry.link",
    "entry.unlink",
    "entry.redact",
    "content.redact",
    "document.redact",
    "marker.make",
    "marker.edit",
    "marker.hide",
    "marker.show",
    "view.make",
    "view.change",
    "view.delete",
    "feed.make",
    "feed.revoke",
    "token.make",
    "token.revoke",
    "token.delete",
    "user.make",
    "user.change",
    "user.delete",
    "session.end",
    "group.make",
    "group.change",
    "group.delete",
    "address.verify",
    "address.remove",
    "alert.make",
    "alert.change",
    "alert.delete",
    "alert.rotate",
    "alert.off",
    "delivery.retry",
    "triage.import",
    "source.rename",
    "source.merge",
    "source.restore",
    "key.make",
    "key.rotate",
    "key.retire",
    "key.replace",
]
ACTS: Final = get_args(AuditAct)

AuditSubject = Literal[
    "pattern",
    "entry",
    "content",
    "document",
    "blueprint",
    "source",
    "marker",
    "view",
    "token",
    "user",
    "group",
    "alert",
    "delivery",
    "file",
    "key",
]
SUBJECTS: Final = get_args(AuditSubject)


class AuditRecord(Struct, frozen=True, kw_only=True):
    """`detail`: what changed, never a secret. `actor_kind`: user, token, command or server."""

    position: int
    recorded_ms: int
    actor_kind: str
    actor_name: str
    act: AuditAct
    about: AuditSubject
    about_id: str
    detail: dict[str, Any]
