"""What an engine host's further stores said (CONTRACT section 7), and what follows from it and the log."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Coalesce, Length
from django.db.models.lookups import LessThanOrEqual

from enhancelog.backends.fields import CodePointTextField

# Patch, Document, Version, Answer, Observation and UnfinishedRunChange are written once, like the log.
# ``store.observed`` and ``store.documents`` write. ``source``: the name under which the host was imported or followed.


# Of a patch that changes nothing, the candidate is the version before. PostgreSQL indexes no text of any length.
_IS_CANDIDATE: Final = ~models.Q(candidate_hash=models.F("prev_hash")) & models.Q(
    LessThanOrEqual(Length("candidate_hash"), 512)
)


class Patch(models.Model):
    """A patch that a host tried, whether or not its run was logged. ``ops``: RFC 6902 without white space."""

    position = models.BigIntegerField(primary_key=True)  # dense, in commit order
    source = CodePointTextField()
    blueprint_id = CodePointTextField()
    prev_hash = CodePointTextField()
    ts_ms = models.BigIntegerField()
    ops = models.TextField()
    bump = models.TextField(null=True)
    rationale = models.TextField()
    candidate_hash = CodePointTextField()
    seq = models.BigIntegerField()  # order of writing on the host
    digest = models.TextField()  # SHA-256 of run and patch, without ``seq``
    answer_digest = models.TextField()  # SHA-256 of operations and rationale, as of an ``Answer``
    recorded_ms = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "patches"
        indexes: ClassVar = [
            models.Index("blueprint_id", "ts_ms", "position", name="patch_moment"),
            models.Index("source", "seq", "position", name="patch_source_seq"),
            models.Index("candidate_hash", "position", name="patch_candidate", condition=_IS_CANDIDATE),
        ]
        constraints: ClassVar = [models.UniqueConstraint("source", "digest", name="patch_unique")]

    def __str__(self) -> str:
        return f"{self.blueprint_id} at {self.ts_ms}"


class Document(models.Model):
    """A Blueprint's text. ``compressed`` is zstd, with the text of ``base`` (its hash) as a prefix if there is one."""

    position = models.BigIntegerField(primary_key=True)  # dense, in commit order
    hash = CodePointTextField()
    form = models.TextField()  # yaml: proven by its hash; json: as a followed host's head showed it
    blueprint_id = CodePointTextField()  # where it was seen first
    base = CodePointTextField(null=True)  # always of the same form, and stored whole
    size = models.BigIntegerField()  # bytes of the text
    compressed = models.BinaryField(null=True)  # NULL: redacted
    source = CodePointTextField()
    recorded_ms = models.BigIntegerField()
    redacted = models.TextField(null=True)  # a JSON array of one, as ``domain.redactions.tombstones`` reads it

    class Meta:
        indexes: ClassVar = [
            models.Index(
                "blueprint_id", "form", "position", name="document_whole", condition=models.Q(base__isnull=True)
            ),
            models.Index("base", name="document_base"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("hash", "form", name="document_unique"),
            models.CheckConstraint(condition=models.Q(form__in=["yaml", "json"]), name="document_form_known"),
        ]

    def __str__(self) -> str:
        return f"{self.hash} ({self.form})"


# A commit of a host's git store. ``number``: 0 for a Blueprint's first. Several may have one hash.
class Version(models.Model):
    position = models.BigIntegerField(primary_key=True)  # dense, in commit order
    source = CodePointTextField()
    blueprint_id = CodePointTextField()
    hash = CodePointTextField()
    number = models.BigIntegerField()
    made_by = models.TextField()  # run, hand, unknown
    rationale = models.TextField()
    prev_hash = CodePointTextField()
    ts_ms = models.BigIntegerField(null=True)
    recorded_ms = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("blueprint_id", "number", "position", name="version_blueprint_number"),
            models.Index("position", name="version_by_hand", condition=models.Q(made_by="hand")),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("source", "blueprint_id", "number", "hash", name="version_unique")
        ]

    def __str__(self) -> str:
        return f"{self.blueprint_id} version {self.number}"


# A spawner's answer that had become no patch when it was read. ``text``: its JSON value, as written.
class Answer(models.Model):
    position = models.BigIntegerField(primary_key=True)  # dense, in commit order
    source = CodePointTextField()
    seq = models.BigIntegerField()
    ok = models.BooleanField()
    text = models.TextField()
    ops = models.TextField(null=True)
    rationale = models.TextField()
    digest = models.TextField()  # SHA-256 of ``seq``, ``ok`` and ``text``
    answer_digest = models.TextField()  # empty without operations
    recorded_ms = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("source", "seq", name="answer_source_seq")]
        constraints: ClassVar = [models.UniqueConstraint("source", "digest", name="answer_unique")]

    def __str__(self) -> str:
        return f"{self.source}: answer {self.seq}"


# A row of a host's issue store as last read. ``created_seq`` is the only order there is; it has no time.
class HostIssue(models.Model):
    source = CodePointTextField()
    issue_id = CodePointTextField()
    blueprint_id = CodePointTextField()
    intent = models.TextField()
    status = models.TextField()  # pending, inflight, applied, rejected
    detail = models.TextField()
    created_seq = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index("source", "created_seq", name="host_issue_order"),
            models.Index("issue_id", name="host_issue_id"),
        ]
        constraints: ClassVar = [models.UniqueConstraint("source", "issue_id", name="host_issue_unique")]

    def __str__(self) -> str:
        return str(self.issue_id)


# A setting of the host, each time it was seen with another value.
class Observation(models.Model):
    source = CodePointTextField()
    kind = models.TextField()  # axes, ttl_s, spawner, flow, host_version
    name = CodePointTextField()  # as of ``domain.observed.Seen``
    value = models.TextField()
    seen_ms = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("source", "kind", "name", "id", name="observation_latest")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.source}: {self.value}"


# The entry of a patch's run. Derived; ``projections.entry_patches`` has the rule.
class EntryPatch(models.Model):
    patch_id = models.BigIntegerField(primary_key=True, db_column="patch")
    entry_id = models.BigIntegerField(db_column="position")

    class Meta:
        indexes: ClassVar = [models.Index("entry_id", name="entry_patch_entry")]


# There are entries of its run's key, but which one is its own cannot be told. Derived.
class AmbiguousPatch(models.Model):
    patch_id = models.BigIntegerField(primary_key=True, db_column="patch")


# The only row: entries and patches up to these positions are joined. It exists once a host was imported or a run was
# reported. ``reports`` grows with each change of a reported run.
class HostJoin(models.Model):
    id = models.IntegerField(primary_key=True)
    entries = models.BigIntegerField()
    patches = models.BigIntegerField()
    reports = models.BigIntegerField()

    def __str__(self) -> str:
        return f"joined to entry {self.entries} and patch {self.patches}"


# ``changes`` grows with everything that unfinished runs depend on; they are derived up to ``derived``.
class HostSource(models.Model):
    source = CodePointTextField(primary_key=True)
    changes = models.BigIntegerField()
    derived = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.source)


class UnfinishedRun(models.Model):
    """A run without an entry in the log: still pending, or dead before it was logged. Never an entry, in no rate."""

    # Derived from a host's stores by ``projections.unfinished_runs``, unless ``reported_by`` names somebody. Never
    # deleted: a run that is no longer unfinished is resolved.

    source = CodePointTextField()
    issue_id = CodePointTextField()  # made up ("run-…") if only the host's outputs tell of the run
    blueprint_id = CodePointTextField()
    intent = models.TextField()
    reason = models.TextField()
    cause = models.TextField(null=True)  # domain.causes; NULL while pending
    status = models.TextField()  # pending, died, resolved
    ts_ms = models.BigIntegerField(null=True)  # only if exact; else it lies between the next two, where known
    not_before_ms = models.BigIntegerField(null=True)
    not_after_ms = models.BigIntegerField(null=True)
    prev_hash = CodePointTextField(null=True)
    ops = models.TextField(null=True)
    candidate_hash = CodePointTextField(null=True)
    intent_key = models.BigIntegerField(null=True)  # as of an Attempt; NULL without words
    reported_by = models.TextField()  # empty: derived
    recorded_ms = models.BigIntegerField()  # first seen

    class Meta:
        indexes: ClassVar = [
            models.Index(
                "intent_key",
                Coalesce("ts_ms", "not_before_ms", "not_after_ms", "recorded_ms"),
                "id",
                name="unfinished_run_intent",
                condition=~models.Q(status="resolved"),
            ),
            models.Index("issue_id", name="unfinished_run_issue"),
            models.Index("status", "blueprint_id", "id", name="unfinished_run_status"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "issue_id"], condition=models.Q(reported_by=""), name="unfinished_run_derived"
            ),
            models.UniqueConstraint(
                fields=["issue_id"], condition=~models.Q(reported_by=""), name="unfinished_run_reported"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "died", "resolved"]), name="unfinished_run_status_known"
            ),
        ]

    def __str__(self) -> str:
        return str(self.issue_id)


class UnfinishedTotal(models.Model):
    """Runs that have ever died, by the source that they then had. Under the empty name, all of them."""

    source = CodePointTextField(unique=True)
    died = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.source}: {self.died}"


# A state that an unfinished run entered, its first one included.
class UnfinishedRunChange(models.Model):
    run = models.ForeignKey(UnfinishedRun, models.DO_NOTHING, related_name="changes", db_constraint=False)
    status = models.TextField()
    cause = models.TextField(null=True)
    reason = models.TextField()
    reported_by = models.TextField()
    changed_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.status} since {self.changed_ms}"
