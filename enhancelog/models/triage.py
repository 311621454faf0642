"""What people say about patterns, entries and verdicts: states, notes, reviews; ``store`` writes."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from enhancelog.backends.fields import CodePointTextField


# Written once: the history of the states of patterns.
class StateChange(models.Model):
    axis = CodePointTextField()
    state = models.TextField()
    cause = models.TextField(null=True)
    assignee = CodePointTextField(null=True)
    note = models.TextField()
    most_a_day = models.BigIntegerField(null=True)  # of an expected pattern: it returns on a day with more denials
    # Of an undo: the change that it undoes, and the one whose values hold again (NULL: none, the pattern is new).
    undoes = models.ForeignKey("self", models.DO_NOTHING, null=True, related_name="undone_by", db_constraint=False)
    restores = models.ForeignKey("self", models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    actor_kind = CodePointTextField()
    actor_name = CodePointTextField()
    made_ms = models.BigIntegerField()
    seen = models.BigIntegerField()  # the log's last position when it was made

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["new", "acknowledged", "expected", "fixed"]), name="state_change_state_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.state}"


class ChangedTemplate(models.Model):
    """A template that a change was made for."""

    pk = models.CompositePrimaryKey("template", "change")
    template = CodePointTextField()  # its public id, which outlives the rules that made it
    change = models.ForeignKey(StateChange, models.DO_NOTHING, related_name="made_for")


class TemplateState(models.Model):
    """The change that holds for a template; a pattern has the state of its leading template."""

    template = CodePointTextField(primary_key=True)  # its public id
    change = models.ForeignKey(StateChange, models.DO_NOTHING, related_name="holds_for")

    def __str__(self) -> str:
        return str(self.template)


class Note(models.Model):
    id = CodePointTextField(primary_key=True)
    about = CodePointTextField()  # pattern, entry, blueprint or marker
    about_id = CodePointTextField()
    actor_kind = CodePointTextField()
    actor_name = CodePointTextField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)  # a token's owner, too
    made_ms = models.BigIntegerField()
    version = models.IntegerField()  # the newest; a withdrawal counts, too
    text = models.TextField()  # of the newest version; empty if withdrawn
    mentions = models.TextField()  # as a version's; none if withdrawn
    edited_ms = models.BigIntegerField(null=True)
    withdrawn_ms = models.BigIntegerField(null=True)
    withdrawn_by = CodePointTextField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index("about", "about_id", "made_ms", "id", name="note_about")]

    def __str__(self) -> str:
        return str(self.id)


# Written once.
class NoteVersion(models.Model):
    note = models.ForeignKey(Note, models.DO_NOTHING, related_name="versions")
    version = models.IntegerField()
    text = models.TextField()
    mentions = models.TextField()  # a JSON array of users' names
    made_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("note", "version", name="note_version_unique")]

    def __str__(self) -> str:
        return f"{self.note_id} {self.version}"


class Mention(models.Model):
    """A person whom a note names: once for each note. Times are epoch ms."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mentions", db_index=False)
    note = models.ForeignKey(Note, models.CASCADE, related_name="+")
    made_ms = models.BigIntegerField()
    mails = models.IntegerField(default=0)  # attempts to send an e-mail about it
    mail_ms = models.BigIntegerField(null=True)  # when the next one is due; NULL: none

    class Meta:
        indexes: ClassVar = [
            models.Index("user", "id", name="mention_user"),
            models.Index("mail_ms", condition=Q(mail_ms__isnull=False), name="mention_mail"),
        ]
        constraints: ClassVar = [models.UniqueConstraint("user", "note", name="mention_unique")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.note_id}"


class MentionReader(models.Model):
    """How somebody reads mentions; without a row, as the defaults say."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    seen = models.BigIntegerField(default=0)  # up to this mention
    by_mail = models.BooleanField(default=True)
    mailed_ms = models.BigIntegerField(default=0)  # when the latest e-mail began

    def __str__(self) -> str:
        return str(self.user_id)


class Review(models.Model):
    """A person's word on a denial: was it right?"""

    position = models.BigIntegerField()  # the entry's
    axis = CodePointTextField()
    reviewer = CodePointTextField()  # a user's name; a token's is "token NAME"
    verdict = models.TextField()
    reason = models.TextField()
    seed = models.BigIntegerField(null=True)  # of the random queue that drew it; NULL: chosen
    made_ms = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index("axis", "position", name="review_axis")]
        constraints: ClassVar = [
            models.UniqueConstraint("position", "axis", "reviewer", name="review_unique"),
            models.CheckConstraint(condition=Q(verdict__in=["right", "wrong", "unclear"]), name="review_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.axis}: {self.verdict}"
