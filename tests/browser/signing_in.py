"""Signs in a browser without going through the form."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PASSWORD = "correct horse battery"


def staff(name: str = "ada") -> User:
    return User.objects.create_user(name, password=PASSWORD, is_staff=True)


def sign_in(context: "BrowserContext", user: User, url: str) -> None:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


def sign_out_elsewhere(page: "Page") -> None:
    """In another tab of the same browser."""
    other = page.context.new_page()
    other.goto("/content/")
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/account/sign-in")
    other.close()


def fill_in_password(page: "Page", name: str = "ada") -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
