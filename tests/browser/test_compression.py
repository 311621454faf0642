"""A browser gets pages compressed and shows them, also those that it keeps and asks for again."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_rejected
from tests.recording import record_all

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pages_come_compressed(quiet: "Page", settings: Any) -> None:
    settings.PUBLIC_READ = True
    record_all(make_rejected(issue_id=f"h-{n}") for n in range(60))
    for path in ("/rejections/", "/search/?phrase=patch", "/rejections/"):
        response = quiet.goto(path)
        assert response is not None
        assert response.header_value("content-encoding") in ("gzip", "zstd")
        assert quiet.locator("[data-row]").count() > 0
