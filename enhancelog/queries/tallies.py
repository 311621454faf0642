"""Tallies by day: over all Blueprints where that is enough, else of those that are named."""

# The former are as many times fewer as there are Blueprints.

from typing import Any

from django.db.models import QuerySet

from enhancelog.models import AxisTally, DailyAxisTally, DailyJointTally, DailyStatusTally, JointTally, StatusTally
from enhancelog.queries.blueprint_ids import EVERY, Named


def of_status(blueprints: Named, *, by_blueprint: bool = False) -> QuerySet[Any]:
    """With ``by_blueprint``, each row has its Blueprint."""
    if blueprints == EVERY and not by_blueprint:
        return DailyStatusTally.objects.all()
    return StatusTally.objects.filter(blueprints.condition)


def of_axes(blueprints: Named, *, by_blueprint: bool = False) -> QuerySet[Any]:
    if blueprints == EVERY and not by_blueprint:
        return DailyAxisTally.objects.all()
    return AxisTally.objects.filter(blueprints.condition)


def of_joint_denials(blueprints: Named, *, by_blueprint: bool = False) -> QuerySet[Any]:
    if blueprints == EVERY and not by_blueprint:
        return DailyJointTally.objects.all()
    return JointTally.objects.filter(blueprints.condition)
