"""The log's tables, a module per writer. Only the writers and ``queries`` use them."""

from enhancelog.models.api_tokens import Token
from enhancelog.models.attempts import NO_TIME, Attempt, RunStart
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
from enhancelog.models.markers import HiddenMarker, Marker, MarkerChange
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
from enhancelog.models.rejudgements import CandidateKey, Rejudgement
from enhancelog.models.touches import Touch, TouchAwaiting, TouchDerivation, TouchPending
from enhancelog.models.views import SavedView

__all__ = [
    "NO_DAY",
    "NO_TIME",
    "AmbiguousPatch",
    "Answer",
    "Attempt",
    "AxisTally",
    "AxisTotal",
    "BlueprintSummary",
    "CandidateKey",
    "Denial",
    "DenialPattern",
    "Document",
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
    "Marker",
    "MarkerChange",
    "MetaValue",
    "Observation",
    "Patch",
    "PatternAxis",
    "PatternChange",
    "PatternRules",
    "Rejudgement",
    "RunStart",
    "SavedView",
    "StatusTally",
    "Template",
    "TemplateTally",
    "Token",
    "Touch",
    "TouchAwaiting",
    "TouchDerivation",
    "TouchPending",
    "UnfinishedRun",
    "UnfinishedRunChange",
    "UnfinishedTotal",
    "Version",
]
