"""Retry threads in a browser: an applied version opens the attempts before it."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_entry, make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_applied_version_opens_its_attempts_and_leads_to_a_comparison(page: "Page", settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(
        make_rejected("noop", issue_id="first", ts_ms=1_700_000_000_000),
        make_entry(issue_id="then", ts_ms=1_700_000_000_001),
    )
    page.goto("/blueprints/main")
    tried = page.locator("details.tried")
    tried.get_by_text("after 1 rejection: noop").click()
    tried.get_by_text("patch is no-op").wait_for()
    tried.get_by_role("link", name="compare").click()
    page.get_by_role("heading", name="Two runs compared").wait_for()
