"""Markers that people and programs set, and which are hidden; ``store.markers`` writes. Others are derived."""

from typing import ClassVar

from django.db import models

from enhancelog.backends.fields import CodePointTextField


class Marker(models.Model):
    """Something changed at ``ts_ms``; for all Blueprints and axes unless it names one."""

    id = CodePointTextField(primary_key=True)
    ts_ms = models.BigIntegerField()
    title = models.TextField()
    note = models.TextField()
    blueprint_id = CodePointTextField(null=True)
    axis = CodePointTextField(null=True)
    source = CodePointTextField()  # who set it

    class Meta:
        indexes: ClassVar = [models.Index("ts_ms", "id", name="marker_ts")]

    def __str__(self) -> str:
        return str(self.title)


class HiddenMarker(models.Model):
    marker_id = CodePointTextField(primary_key=True)  # also of a derived marker, which has no row
