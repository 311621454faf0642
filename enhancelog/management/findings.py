from typing import Final

from django.core.management.base import OutputWrapper

from enhancelog.management.reporting import counted, printable
from enhancelog.store.observed import Kept
from enhancelog.transfer.findings import FindingsFile, as_line
from enhancelog.transfer.importer import Finding

SHOWN: Final = 20


class ShownFindings:
    """Adds findings to the file and prints the first ``SHOWN``."""

    def __init__(self, file: FindingsFile, stderr: OutputWrapper) -> None:
        self.number = 0
        self._file = file
        self._stderr = stderr

    def add(self, finding: Finding) -> None:
        line = as_line(finding)
        self._file.add(**line)
        self.number += 1
        if self.number <= SHOWN:
            self._stderr.write(printable(f"{line['where']}: {line['reason']}"))

    def say_how_many_more(self) -> None:
        if self.number > SHOWN:
            self._stderr.write(f"… and {self.number - SHOWN:,} more")


def new(kept: Kept) -> str:
    numbers = {
        "patches": kept.patches,
        "answers": kept.answers,
        "documents": kept.documents,
        "versions": kept.versions,
        "issues": kept.issues,
        "settings": kept.observations,
    }
    new = [counted(number, f"new {name}") for name, number in numbers.items() if number]
    changed = [counted(kept.changed, "changed issues")] if kept.changed else []
    return ", ".join([*new, *changed]) or "nothing new"
