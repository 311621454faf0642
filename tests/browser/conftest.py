"""Fixtures of the browser tests."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.console import heard

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def quiet(page: "Page") -> "Iterator[Page]":
    """A page whose console must stay empty."""
    said = heard(page)
    yield page
    assert said == []
