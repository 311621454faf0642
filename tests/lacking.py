"""Ends a test that needs what this machine does not have."""

from typing import NoReturn

import pytest

from tests.conftest import IN_CI


def lack(what: str) -> NoReturn:
    """One line: a skip, or in CI a failure."""
    reason = f"needs {what}"
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
