"""What a JUnit file says of a commit, and that a hostile one is refused at bounded cost."""

from pathlib import Path

import pytest

from enhancelog.agents.checks import Check
from enhancelog.agents.junit import MAX_DEPTH, MAX_SUITES, checks
from enhancelog.domain.errors import Invalid

SAMPLE = Path(__file__).resolve().parent.parent / "samples/sources/pytest.xml"

PASSED = '<testcase name="a"/>'
SKIPPED = '<testcase name="b"><skipped message="no"/></testcase>'
FAILED = '<testcase classname="m" name="c"><failure message="two\nlines">text</failure></testcase>'
ERROR = '<testcase name="d"><error> from the\n text </error></testcase>'


def suite(*cases: str, name: str = "unit") -> str:
    return f'<testsuite name="{name}">{"".join(cases)}</testsuite>'


def read(text: str, name: str = "") -> list[Check]:
    return checks(text.encode(), name)


def test_what_pytest_wrote() -> None:
    [check] = checks(SAMPLE.read_bytes())
    assert check == Check(
        "pytest",
        "deny",
        "test_job.test_fails: AssertionError: the names differ assert 'a' == 'b' - b + a\n"
        "test_job.test_numbers[2]: assert 2 == 1\n"
        'test_job.test_error: failed on setup with "RuntimeError: no database"\n'
        "3 of 5 tests failed, 2 skipped",
    )


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ([PASSED], Check("unit", "pass", "1 tests passed")),
        ([PASSED, SKIPPED], Check("unit", "pass", "1 tests passed, 1 skipped")),
        ([SKIPPED, SKIPPED], Check("unit", "skipped", "0 tests passed, 2 skipped")),
        ([], Check("unit", "skipped", "0 tests passed")),
        ([FAILED, PASSED], Check("unit", "deny", "m.c: two lines\n1 of 2 tests failed")),
        ([ERROR], Check("unit", "deny", "d: from the text\n1 of 1 tests failed")),
        (["<error message='at import'/>"], Check("unit", "deny", "the suite: at import\n1 of 1 tests failed")),
        (
            [FAILED.replace("</testcase>", "<error/></testcase>")],
            Check("unit", "deny", "m.c: two lines\n1 of 1 tests failed"),
        ),
    ],
)
def test_a_suite_is_a_check(cases: list[str], expected: Check) -> None:
    assert read(suite(*cases)) == [expected]


def test_each_outermost_suite_is_a_check_unless_the_file_has_a_name() -> None:
    text = (
        f"<testsuites>{suite(PASSED, suite(FAILED, name='inner'), name='one')}{suite(PASSED, name='two')}</testsuites>"
    )
    assert [(check.axis, check.outcome) for check in read(text)] == [("one", "deny"), ("two", "pass")]
    assert read(text, "tests") == [Check("tests", "deny", "m.c: two lines\n1 of 3 tests failed")]


def test_the_detail_is_bounded() -> None:
    [check] = read(suite(*(f'<testcase name="t{n}"><failure>{"x" * 100_000}</failure></testcase>' for n in range(50))))
    assert check.detail.splitlines()[0].startswith("t0: xxx")
    assert check.detail.endswith("50 of 50 tests failed")
    assert len(check.detail) < 3000


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (LAUGHS + suite(FAILED.replace("text", "&b;")), "doctype"),
        ("<!DOCTYPE testsuite>" + suite(PASSED), "doctype"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd">' + suite(PASSED), "doctype"),
        ('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + suite(f"{FAILED}&f;"), "doctype"),
        (suite("&undefined;"), "xml"),
        ("<testsuite>" * (MAX_DEPTH + 1), "depth"),
        ("<a>" * 1_000_000, "depth"),
        (suite(PASSED)[:-1], "xml"),
        ("<testsuite/><testsuite/>", "xml"),
        ("", "xml"),
        ("{}", "xml"),
        ("<html/>", "xml"),
        ('<?xml version="1.0" encoding="nonsense"?><testsuite/>', "xml"),
        ("<r>" + "".join(suite(name=str(n)) for n in range(MAX_SUITES + 1)) + "</r>", "suites"),
    ],
)
def test_a_hostile_file_is_refused(text: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(text)
    assert refused.value.rule == rule


def test_a_huge_attribute_is_cut() -> None:
    [check] = read(suite(f'<testcase name="{"n" * 5_000_000}"><failure message="{"m" * 5_000_000}"/></testcase>'))
    assert check.outcome == "deny"
    assert len(check.detail) < 1000
