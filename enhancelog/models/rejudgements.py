"""Which runs judged the same candidate, and how."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from enhancelog.backends.fields import CodePointTextField
from enhancelog.models.log import Entry


# A key of the candidate that an entry's run judged, see ``domain.same_candidates``.
class CandidateKey(models.Model):
    pk = models.CompositePrimaryKey("entry_id", "evidence")
    entry = models.ForeignKey(
        Entry,
        models.DO_NOTHING,
        related_name="candidate_keys",
        db_column="position",
        db_constraint=False,
        db_index=False,
    )
    evidence = models.SmallIntegerField()  # index in ``EVIDENCE``; the key depends on it
    key = models.BigIntegerField()
    ts_ms = models.BigIntegerField()
    observed = models.BooleanField()  # a host's stores say so, not the entry

    class Meta:
        indexes: ClassVar = [models.Index("key", "ts_ms", "entry", name="candidate_key_ts")]


# What an axis said of a candidate in one run and in the next that judged the same: if it judged both, or if it denied
# the first, and the second was applied.
class Rejudgement(models.Model):
    pk = models.CompositePrimaryKey("entry_id", "earlier_id", "axis")
    entry = models.ForeignKey(  # the later one
        Entry, models.DO_NOTHING, related_name="rejudgements", db_column="position", db_constraint=False, db_index=False
    )
    earlier = models.ForeignKey(
        Entry, models.DO_NOTHING, related_name="rejudged", db_column="earlier", db_constraint=False, db_index=False
    )
    axis = CodePointTextField()
    ts_ms = models.BigIntegerField()  # of the later one
    evidence = models.SmallIntegerField()
    before = models.TextField()  # pass, deny
    after = models.TextField()  # pass, deny, absent
    flips = models.BooleanField()  # it judged both, and differently
    suspect = models.BooleanField()  # it denied the first, which was rejected, and the second was applied

    class Meta:
        indexes: ClassVar = [
            models.Index("earlier", name="rejudgement_earlier"),
            models.Index("ts_ms", "entry", name="rejudgement_ts"),
            models.Index("axis", "ts_ms", "entry", name="rejudgement_axis_ts"),
            models.Index("ts_ms", "entry", name="rejudgement_flip_ts", condition=Q(flips=True)),
        ]
