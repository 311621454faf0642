"""Alerts, and the outbox of their messages; ``alerts`` writes."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.views import SavedView


class Alert(models.Model):
    """A rule: an event, over a saved view or everything, and where its messages go. Times are epoch ms."""

    id = CodePointTextField(primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="alerts")
    name = CodePointTextField()
    event = CodePointTextField()
    has_view = models.BooleanField()
    view = models.ForeignKey(SavedView, models.SET_NULL, null=True, related_name="alerts")  # NULL with one: deleted
    options = models.TextField()  # a JSON object: what the event needs, such as a rate or a time zone
    channel = models.TextField()
    address = models.TextField()
    secret = models.TextField()
    former_secret = models.TextField()  # signs too, until ``former_until_ms``
    former_until_ms = models.BigIntegerField(null=True)
    made_ms = models.BigIntegerField()
    # Events begin after these; they move when it is switched on again. ``run_position``: of changes of unfinished runs.
    since_ms = models.BigIntegerField(default=0)
    log_position = models.BigIntegerField()
    audit_position = models.BigIntegerField()
    run_position = models.BigIntegerField(default=0)
    snoozed_until_ms = models.BigIntegerField(null=True)
    failing_since_ms = models.BigIntegerField(null=True)
    next_message_ms = models.BigIntegerField(default=0)  # not before this, a new message begins
    # Its evaluation failed: since when, why, and when it is tried again. NULL: it works.
    stuck_since_ms = models.BigIntegerField(null=True)
    stuck_why = models.TextField(default="")
    retry_ms = models.BigIntegerField(null=True)
    own_position = models.BigIntegerField(null=True)  # how far it is evaluated, while it is behind the others
    off_ms = models.BigIntegerField(null=True)  # NULL: on
    off_why = models.TextField()
    version = models.BigIntegerField()  # increases with each change by its owner

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(channel__in=["webhook", "slack", "email"]), name="alert_channel_known")
        ]

    def __str__(self) -> str:
        return str(self.name)


class AlertProgress(models.Model):
    """The only row: how far alerts are evaluated, and which process does it."""

    id = models.IntegerField(primary_key=True)
    # Of the log: what an entry alone causes, what patterns cause, and what many runs together cause.
    log_position = models.BigIntegerField()
    pattern_position = models.BigIntegerField(default=0)
    window_position = models.BigIntegerField(default=0)
    audit_position = models.BigIntegerField()
    run_position = models.BigIntegerField(default=0)
    time_ms = models.BigIntegerField()  # when events that time causes were evaluated last
    joined = models.BigIntegerField(default=0)  # increases when a rule that was behind joins the others
    holder = models.TextField()
    held_until_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return f"up to {self.log_position}"


class Delivery(models.Model):
    """A message to an alert's address. Its id is derived from what caused it, so no event has a second one."""

    id = CodePointTextField(primary_key=True)
    # Without CASCADE, which would read all of them; ``retention`` deletes them with their alert. Index: delivery_alert.
    alert = models.ForeignKey(Alert, models.DO_NOTHING, related_name="deliveries", db_index=False)
    event = CodePointTextField()
    data = models.TextField()  # a JSON object, ``data`` of the message
    caused_ms = models.BigIntegerField()  # ``timestamp`` of the message
    made_ms = models.BigIntegerField()
    state = models.TextField()
    folded_into = models.ForeignKey("self", models.CASCADE, null=True, related_name="folded")
    folds = models.IntegerField(null=True)  # how many it took along; NULL: not sent yet
    counted = models.IntegerField(default=0)  # rejected entries after it that have no message, as too many waited
    attempts = models.IntegerField()  # that have begun, since it was last asked for
    next_ms = models.BigIntegerField(null=True)  # NULL: not to be sent
    leased_until_ms = models.BigIntegerField(null=True)  # it is being sent; if the sender is killed, until then
    ended_ms = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index("alert", "next_ms", "id", condition=Q(next_ms__isnull=False, folds=None), name="delivery_new"),
            models.Index(
                "alert", "next_ms", "id", condition=Q(next_ms__isnull=False, folds__isnull=False), name="delivery_begun"
            ),
            models.Index("alert", condition=Q(leased_until_ms__isnull=False), name="delivery_leased"),
            models.Index("alert", "made_ms", "id", name="delivery_alert"),
            models.Index("made_ms", "id", name="delivery_made"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "folded", "delivered", "dead"]), name="delivery_state_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.id}"


class DeliveryAttempt(models.Model):
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="made_attempts")
    started_ms = models.BigIntegerField()
    took_ms = models.BigIntegerField()
    status = models.IntegerField(null=True)  # NULL: no answer
    answer = models.TextField()  # the beginning, or why there was none

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.status}"


class VerifiedAddress(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="verified_addresses")
    address = CodePointTextField()
    verified_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("user", "address", name="verified_address_unique")]

    def __str__(self) -> str:
        return str(self.address)
