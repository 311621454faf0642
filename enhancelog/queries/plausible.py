from typing import Any

from django.db.models import BooleanField, Func

from enhancelog.domain.times import plausible_sql


class Plausible(Func):
    """Arguments: the run's time and the recording time."""

    arity = 2
    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any, *unused: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        return plausible_sql(*self._columns(compiler)), ()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        ts_ms, recorded_ms = self._columns(compiler)
        # Of several lower bounds, SQLite starts at the first. A "+" keeps this one, of long ago, from being that.
        return plausible_sql(f"+{ts_ms}", recorded_ms), ()

    def _columns(self, compiler: Any) -> list[str]:
        return [compiler.compile(expression)[0] for expression in self.source_expressions]
