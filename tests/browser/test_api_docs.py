"""The page of the API: dark where the reader wants it, with a way back."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("scheme", "is_dark"), [("dark", True), ("light", False)])
def test_the_api_page_follows_the_color_scheme_and_leads_back(
    quiet: "Page", settings: Any, scheme: Any, is_dark: bool
) -> None:
    settings.PUBLIC_READ = True
    quiet.emulate_media(color_scheme=scheme)
    quiet.goto("/v1/docs/")
    quiet.get_by_role("heading", name="Enhancelog").first.wait_for()
    background = quiet.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (background == "rgb(28, 32, 34)") is is_dark
    quiet.get_by_role("link", name="Enhancelog").first.click()
    quiet.wait_for_url("**/")
