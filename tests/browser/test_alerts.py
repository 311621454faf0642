"""The form of alerts in a browser: it shows what the chosen event needs, with and without scripts."""

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from enhancelog.models import Alert
from tests.alerts.making import HOOK
from tests.browser.test_every_page import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_rule_is_made_with_the_fields_of_its_event(browser: "Browser", live_server: Any, scripts: bool) -> None:
    from playwright.sync_api import expect

    ada = User.objects.create_user("ada", is_staff=True)
    context = opened(browser, live_server.url, ada, java_script_enabled=scripts)
    page = context.new_page()
    page.goto("/alerts/")
    page.get_by_role("link", name="Make an alert…").click()
    page.get_by_label("Name", exact=True).fill("noop rises")
    hours = page.get_by_label("Hours without a run")
    percent = page.get_by_label("Rejected, more than (per cent)")
    page.get_by_label("Tell me about").select_option("no run for a long time")
    expect(hours).to_be_visible()
    expect(percent).to_be_hidden()
    page.get_by_label("Tell me about").select_option("a high rate of rejections")
    expect(hours).to_be_hidden()
    percent.fill("40")
    expect(page.get_by_label("E-mail address")).to_be_visible()
    page.get_by_label("Send it by").select_option("webhook")
    expect(page.get_by_label("E-mail address")).to_be_hidden()
    page.get_by_label("Address of the webhook").fill(HOOK)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Send a test message").click()
    expect(page.get_by_role("row", name="of the last 100 runs were rejected")).to_be_visible()
    context.close()
    assert Alert.objects.get().options == '{"runs":100,"percent":40,"twice":false}'
