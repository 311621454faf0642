from typing import Any

from django.db.models import BooleanField, Func

from enhancelog.domain.times import plausible_sql


class Plausible(Func):
    """Arguments: the run's time and the recording time."""

    arity = 2
    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, *unused: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        columns = [compiler.compile(expression)[0] for expression in self.source_expressions]
        return plausible_sql(*columns), ()
