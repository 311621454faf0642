"""JUnit XML, as pytest and most test runners write it. A document type is refused, so no entity is expanded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from enhancelog.agents.checks import SHOWN_FAILURES, Check, shown
from enhancelog.domain.errors import Invalid

MAX_DEPTH: Final = 64
MAX_SUITES: Final = 1000
_TEXT_CHARACTERS: Final = 2000  # kept of a failure's text
_UNNAMED: Final = "tests"
_FAILED: Final = ("failure", "error")


def checks(data: bytes, name: str = "") -> list[Check]:
    """One for each outermost suite, or a single one called ``name``. Raises ``Invalid``."""
    return [_check(axis, suite) for axis, suite in _Reading(name).suites(data).items()]


@dataclass
class _Suite:
    tests: int = 0
    skipped: int = 0
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)  # the first ones: test and reason


@dataclass
class _Case:
    name: str
    is_skipped: bool = False
    reason: str | None = None  # of the failure


class _Reading:
    def __init__(self, name: str) -> None:
        self._name = name
        self._suites: dict[str, _Suite] = {}
        self._open: list[str] = []
        self._suite: _Suite | None = None
        self._case: _Case | None = None
        self._text: list[str] | None = None
        self._kept = 0

    def suites(self, data: bytes) -> dict[str, _Suite]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            # In one call: what expat does with a token that spans many calls is quadratic in some releases.
            parser.Parse(data, True)
        except Invalid:  # a ValueError, too
            raise
        except expat.ExpatError as error:
            raise Invalid("", "xml", f"is not XML: {expat.ErrorString(error.code)} at line {error.lineno}") from None
        except (ValueError, LookupError):
            raise Invalid("", "xml", "has an encoding that is not supported; use UTF-8") from None
        if not self._suites:
            raise Invalid("", "xml", "is no JUnit XML: it holds no test suite")
        return self._suites

    def _refuse_doctype(self, *_: object) -> None:
        raise Invalid("", "doctype", "has a document type, which is refused")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH:
            raise Invalid("", "depth", f"is nested deeper than {MAX_DEPTH} levels")
        if tag == "testsuite":
            if "testsuite" not in self._open[:-1]:
                self._suite = self._named(attributes)
        elif self._suite is not None:
            self._in_suite(tag, attributes)

    def _in_suite(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "testcase":
            place, name = attributes.get("classname", ""), attributes.get("name", "")
            self._case = _Case(f"{place}.{name}" if place and name else place or name)
        elif tag == "skipped" and self._case is not None:
            self._case.is_skipped = True
        elif tag in _FAILED:
            if self._case is None:  # of the suite itself
                self._case = _Case("the suite")
            if self._case.reason is None:
                self._case.reason = attributes.get("message") or ""
                self._text, self._kept = [], 0

    def _end(self, tag: str) -> None:
        self._open.pop()
        if tag in _FAILED and self._case is not None:
            if self._text is not None:
                self._case.reason = self._case.reason or "".join(self._text)
            self._text = None
            if "testcase" not in self._open:
                self._count(self._case)
        elif tag == "testcase" and self._case is not None:
            self._count(self._case)
        elif tag == "testsuite" and "testsuite" not in self._open:
            self._suite = None

    def _characters(self, text: str) -> None:
        if self._text is not None and self._kept < _TEXT_CHARACTERS:
            self._text.append(text[: _TEXT_CHARACTERS - self._kept])
            self._kept += len(text)

    def _count(self, case: _Case) -> None:
        self._case = None
        if self._suite is None:
            return
        self._suite.tests += 1
        if case.reason is not None:
            self._suite.failed += 1
            if len(self._suite.failures) < SHOWN_FAILURES:
                self._suite.failures.append((case.name, case.reason))
        elif case.is_skipped:
            self._suite.skipped += 1

    def _named(self, attributes: Mapping[str, str]) -> _Suite:
        name = self._name or attributes.get("name") or _UNNAMED
        if len(self._suites) == MAX_SUITES and name not in self._suites:
            raise Invalid("", "suites", f"holds more than {MAX_SUITES:,} suites; give it a name, as in NAME=FILE")
        return self._suites.setdefault(name, _Suite())


def _check(axis: str, suite: _Suite) -> Check:
    run = suite.tests - suite.skipped
    skipped = f", {suite.skipped:,} skipped" if suite.skipped else ""
    if suite.failed:
        return Check(axis, "deny", shown(suite.failures, f"{suite.failed:,} of {run:,} tests failed{skipped}"))
    return Check(axis, "pass" if run else "skipped", f"{run:,} tests passed{skipped}")
