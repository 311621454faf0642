"""SARIF 2.1.0, as linters and scanners write it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from enhancelog.agents.checks import SHOWN_FAILURES, Check, shown
from enhancelog.transfer.whole_files import decoded

LEVELS: Final = ("note", "warning", "error")  # "none" is below all


class _Message(Struct, frozen=True):
    text: str = ""


class _Artifact(Struct, frozen=True):
    uri: str = ""


class _Region(Struct, frozen=True, rename="camel"):
    start_line: int | None = None


class _Physical(Struct, frozen=True, rename="camel"):
    artifact_location: _Artifact = _Artifact()
    region: _Region = _Region()


class _Location(Struct, frozen=True, rename="camel"):
    physical_location: _Physical = _Physical()


class _Suppression(Struct, frozen=True):
    status: str = "accepted"


class _Configuration(Struct, frozen=True):
    level: str = "warning"


class _Rule(Struct, frozen=True, rename="camel"):
    id: str
    default_configuration: _Configuration = _Configuration()


class _Result(Struct, frozen=True, rename="camel"):
    message: _Message = _Message()
    rule_id: str = ""
    level: str | None = None  # else the rule's
    kind: str = "fail"
    baseline_state: str = "new"
    locations: list[_Location] = []
    suppressions: list[_Suppression] | None = None

    @property
    def is_open(self) -> bool:
        suppressed = self.suppressions and all(one.status == "accepted" for one in self.suppressions)
        return self.kind == "fail" and self.baseline_state != "absent" and not suppressed


class _Driver(Struct, frozen=True):
    name: str
    rules: list[_Rule] = []


class _Tool(Struct, frozen=True):
    driver: _Driver


class _Invocation(Struct, frozen=True, rename="camel"):
    execution_successful: bool = True


class _Run(Struct, frozen=True):
    tool: _Tool
    results: list[_Result] | None = None
    invocations: list[_Invocation] = []


class _Log(Struct, frozen=True):
    version: str
    runs: list[_Run]


_logs = msgspec.json.Decoder(_Log)


def checks(data: bytes, name: str = "", level: str = "error") -> list[Check]:
    """One for each tool, called ``name`` or as the tool. A result at ``level`` or above denies. Raises ``Invalid``."""
    return [_check(name or run.tool.driver.name, run, level) for run in decoded(_logs, data).runs]


def _check(axis: str, run: _Run, level: str) -> Check:
    if not all(invocation.execution_successful for invocation in run.invocations):
        return Check(axis, "cancelled", f"{run.tool.driver.name} did not finish")
    if run.results is None:  # by SARIF, the tool did not look for any
        return Check(axis, "skipped", "")
    rules = {rule.id: rule.default_configuration.level for rule in run.tool.driver.rules}
    counted = LEVELS[LEVELS.index(level) :]
    found = [
        result
        for result in run.results
        if result.is_open and (result.level or rules.get(result.rule_id, "warning")) in counted
    ]
    above = "" if level == LEVELS[-1] else " or above"
    if not found:
        return Check(axis, "pass", f"no result at level {level}{above}")
    return Check(axis, "deny", _shown(found, f"results at level {level}{above}: {len(found):,}"))


def _shown(results: Sequence[_Result], total: str) -> str:
    return shown([(_place(result), result.message.text) for result in results[:SHOWN_FAILURES]], total)


def _place(result: _Result) -> str:
    at = result.locations[0].physical_location if result.locations else _Physical()
    # Relative to the checkout, so that the same findings are the same in another one.
    path = at.artifact_location.uri.removeprefix("file://").removeprefix(f"{Path.cwd()}/")
    line = "" if at.region.start_line is None else f":{at.region.start_line}"
    return " ".join(part for part in (result.rule_id, f"{path}{line}") if part)
