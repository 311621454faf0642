"""The log's tables, a module per writer. Only the writers and ``queries`` use them."""

from enhancelog.models.alerts import Alert, AlertProgress, Delivery, DeliveryAttempt, VerifiedAddress
from enhancelog.models.api_tokens import Token
from enhancelog.models.attempts import NO_TIME, Attempt, RunStart
from enhancelog.models.audit import AuditRecord
from enhancelog.models.evidence import Checkpoint, Tile, Witness
from enhancelog.models.followed import FollowFinding
from enhancelog.models.host import (
    AmbiguousPatch,
    Answer,
    Document,
    EntryPatch,
    HostIssue,
    HostJoin,
    HostSource,
    Observation,
    Patch,
    UnfinishedRun,
    UnfinishedRunChange,
    UnfinishedTotal,
    Version,
)
from enhancelog.models.log import Entry, EntryQuerySet, Immutable
from enhancelog.models.markers import HiddenMarker, Marker
from enhancelog.models.patterns import (
    DenialPattern,
    PatternAxis,
    PatternChange,
    PatternRules,
    Template,
    TemplateTally,
)
from enhancelog.models.projections import (
    NO_DAY,
    AxisTally,
    AxisTotal,
    BlueprintSummary,
    Denial,
    EntryBadge,
    IntentTally,
    IntentTimeTally,
    JointTally,
    MetaValue,
    StatusTally,
)
from enhancelog.models.redactions import DocumentRedaction, KeptTexts, RedactedPatch, Redaction
from enhancelog.models.rejudgements import CandidateKey, Rejudgement
from enhancelog.models.sessions import Session, TemporaryPassword
from enhancelog.models.sources import SourceChange, SourceProgress
from enhancelog.models.touches import Touch, TouchAwaiting, TouchDerivation, TouchPending
from enhancelog.models.triage import (
    ChangedTemplate,
    Mention,
    MentionReader,
    Note,
    NoteVersion,
    Review,
    StateChange,
    TemplateState,
)
from enhancelog.models.views import SavedView

__all__ = [
    "NO_DAY",
    "NO_TIME",
    "Alert",
    "AlertProgress",
    "AmbiguousPatch",
    "Answer",
    "Attempt",
    "AuditRecord",
    "AxisTally",
    "AxisTotal",
    "BlueprintSummary",
    "CandidateKey",
    "ChangedTemplate",
    "Checkpoint",
    "Delivery",
    "DeliveryAttempt",
    "Denial",
    "DenialPattern",
    "Document",
    "DocumentRedaction",
    "Entry",
    "EntryBadge",
    "EntryPatch",
    "EntryQuerySet",
    "FollowFinding",
    "HiddenMarker",
    "HostIssue",
    "HostJoin",
    "HostSource",
    "Immutable",
    "IntentTally",
    "IntentTimeTally",
    "JointTally",
    "KeptTexts",
    "Marker",
    "Mention",
    "MentionReader",
    "MetaValue",
    "Note",
    "NoteVersion",
    "Observation",
    "Patch",
    "PatternAxis",
    "PatternChange",
    "PatternRules",
    "RedactedPatch",
    "Redaction",
    "Rejudgement",
    "Review",
    "RunStart",
    "SavedView",
    "Session",
    "SourceChange",
    "SourceProgress",
    "StateChange",
    "StatusTally",
    "Template",
    "TemplateState",
    "TemplateTally",
    "TemporaryPassword",
    "Tile",
    "Token",
    "Touch",
    "TouchAwaiting",
    "TouchDerivation",
    "TouchPending",
    "UnfinishedRun",
    "UnfinishedRunChange",
    "UnfinishedTotal",
    "VerifiedAddress",
    "Version",
    "Witness",
]
