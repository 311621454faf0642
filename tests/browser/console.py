"""What a browser says about a page: its console, where the policy's refusals show, and errors of scripts."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def heard(page: "Page") -> list[str]:
    """Grows as the browser speaks."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said
