"""One whole sign-in in a browser at a provider that others wrote: its sign-in, its consent, and signing out of both."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from enhancelog.accounts import oidc_requests
from enhancelog.domain.oidc import OidcProvider
from tests.lacking import lack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.heavy, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

PROGRAM = Path(__file__).resolve().parent / "oidc"


@pytest.fixture
def host(tmp_path: Path, live_server: Any, settings: Any) -> Iterator[str]:
    """Of the provider."""
    npm = shutil.which("npm") or lack("npm")
    for name in ("package.json", "provider.js"):
        shutil.copy(PROGRAM / name, tmp_path)
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--prefer-offline")
    done = subprocess.run([str(npm), "install", *options], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    if done.returncode:
        lack(f"npm packages ({(done.stderr.strip().splitlines() or ['no reason given'])[-1]})")
    back = (f"{live_server.url}/account/oidc/callback", f"{live_server.url}/account/sign-in")
    program = ["node", "provider.js", *back]
    with subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as node:
        assert node.stdout is not None
        issuer = node.stdout.readline().strip()
        oidc_requests.forget()
        settings.OIDC = OidcProvider(
            issuer=issuer,
            client_id="enhancelog",
            client_secret="a secret of some length",
            scopes=("openid", "profile", "email"),
            groups_claim="groups",
            staff_groups=frozenset({"log-staff"}),
            reader_groups=frozenset(),
        )
        yield issuer.removeprefix("http://")
        node.kill()


def sign_in(page: "Page", host: str) -> None:
    page.get_by_role("button", name=f"Sign in with {host}").click()
    page.locator("[name=login]").fill("ada")
    page.locator("[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_in_with_consent_and_out_of_both(page: "Page", live_server: Any, host: str) -> None:
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    page.goto("/triage/")
    sign_in(page, host)
    page.wait_for_url(f"{live_server.url}/triage/")
    page.get_by_role("link", name="ada").wait_for()
    assert User.objects.values_list("username", "is_staff").get() == ("ada", True)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(f"{live_server.url}/account/sign-in")
    sign_in(page, host)  # the provider asks for the password again
    page.get_by_role("link", name="ada").wait_for()
    assert User.objects.count() == 1
    assert refused == []


def test_a_form_whose_session_has_ended_goes_on(page: "Page", host: str, settings: Any) -> None:
    page.goto("/content/edit/story/S-1")
    sign_in(page, host)
    page.get_by_role("textbox", name="Story").fill("typed for an hour")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_role("button", name="Save").click()
    with page.context.expect_page() as opened:
        page.get_by_role("button", name=f"Sign in with {host}").click()
    other = opened.value  # the provider still knows who it is
    other.get_by_role("heading", name="You are signed in").wait_for()
    other.close()
    page.get_by_role("button", name="I have signed in").click()
    page.get_by_role("heading", name="Send it again").wait_for()
    assert page.get_by_label("Text").input_value() == "typed for an hour"
    page.get_by_role("button", name="Send again").click()
    page.get_by_text("typed for an hour").and_(page.locator(".prose p")).wait_for()
