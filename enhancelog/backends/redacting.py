"""What triggers allow to a row that is written once: a redaction takes texts out of it, and nothing else changes."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from enhancelog.domain import redactions

REDACTED: Final = f"'{redactions.REDACTED}'"
NOTHING: Final = "NULL"

# How a text goes, if not as a whole: the details of verdicts, texts of a JSON array, values of a JSON object.
DETAILS, TEXTS, VALUES = "details", "texts", "values"
# Or it is a hash that changes once, together with the salt that goes.
SEALED = "sealed"
IS_SEALED: Final = "(OLD.salt IS NOT NULL AND NEW.salt IS NULL AND length(NEW.{0}) = 64)"


# ``columns``: all of the row. ``texts``: how each may go: one of the ways above, or to this SQL literal. ``allowed``:
# an SQL condition over OLD and NEW. ``repacked``: the one other update that is allowed.
class Redacting(NamedTuple):
    columns: Sequence[str]
    texts: Mapping[str, str]
    allowed: str
    recorded: "Recorded | None" = None
    repacked: "Repacked | None" = None

    @property
    def fixed(self) -> list[str]:
        return [name for name in self.columns if name not in self.texts and name != "redacted"]


# The same row, stored in another way, because another row that it was stored by is redacted. ``changed``: the columns
# that say how it is stored; ``allowed``: an SQL condition over OLD and NEW.
class Repacked(NamedTuple):
    changed: Sequence[str]
    allowed: str

    def fixed(self, columns: Sequence[str]) -> list[str]:
        return [name for name in columns if name not in self.changed]


# The table of the redactions of a table's rows. Inserting a redaction carries it out, in the same statement: the row
# gets the texts that ``kept`` has for it (``None``: NULL), and these are deleted.
class Recorded(NamedTuple):
    table: str
    key: Sequence[str]
    kept: str | None

    def of(self, alias: str, row: str) -> str:
        return " AND ".join(f"{alias}.{name} = {row}.{name}" for name in self.key)

    def is_next(self) -> str:
        """Over OLD and NEW: NEW's redactions are those of OLD and the one that was just inserted."""
        return f"""EXISTS (SELECT 1 FROM {self.table} this
            WHERE {self.of("this", "OLD")} AND this.tombstones = NEW.redacted AND (
                (OLD.redacted IS NULL AND this.number = 1)
                OR EXISTS (SELECT 1 FROM {self.table} before WHERE {self.of("before", "OLD")}
                    AND before.number = this.number - 1 AND before.tombstones = OLD.redacted)))"""

    def is_possible(self, table: str) -> str:
        """Over NEW, a redaction: there is its row and, if needed, what that keeps."""
        needed = [table, self.kept] if self.kept else [table]
        return " AND ".join(f"EXISTS (SELECT 1 FROM {each} that WHERE {self.of('that', 'NEW')})" for each in needed)

    def carry_out(self, table: str, texts: Sequence[str]) -> list[str]:
        """Statements over NEW, a redaction."""
        new = dict.fromkeys(texts, NOTHING)
        if self.kept:
            new = {name: f"(SELECT {name} FROM {self.kept} kept WHERE {self.of('kept', 'NEW')})" for name in texts}
        changes = ", ".join(f"{name} = {value}" for name, value in new.items())
        statements = [f"UPDATE {table} SET {changes}, redacted = NEW.tombstones WHERE {self.of(table, 'NEW')}"]
        return [*statements, *([f"DELETE FROM {self.kept} WHERE {self.of(self.kept, 'NEW')}"] if self.kept else [])]


def recorded(
    columns: Sequence[str], texts: Mapping[str, str], recorded: Recorded, repacked: Repacked | None = None
) -> Redacting:
    return Redacting(columns, texts, recorded.is_next(), recorded, repacked)
