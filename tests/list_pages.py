"""What tests read on the pages that list entries."""

from urllib.parse import unquote, urlsplit

from tests.pages import Element, Page


def rows(page: Page) -> list[Element]:
    return [each for each in page.elements if "data-row" in each.attributes]


def row_link(row: Element) -> Element:
    """The one link of a row to its entry, beside those to a part of the entry's page."""
    (link,) = [
        each
        for each in row.all("a")
        if each.attributes["href"].startswith("/entries/") and "#" not in each.attributes["href"]
    ]
    return link


def shown(page: Page) -> list[str]:
    """The issue ids of the rows, in their order."""
    links = [row_link(row) for row in rows(page)]
    return [unquote(urlsplit(link.attributes["href"]).path.removeprefix("/entries/")) for link in links]


def positions(page: Page) -> list[int]:
    """The positions of the rows' entries, in the rows' order."""
    return [int(row.attributes["id"].removeprefix("e")) for row in rows(page)]


def onward(page: Page) -> str:
    """The address of the next page, for a click as for htmx; empty on the last."""
    addresses = [link.attributes["href"] for link in page.all("a", id="further")]
    assert addresses == [each.attributes["hx-get"] for each in page.all("a") if "hx-get" in each.attributes]
    return addresses[0] if addresses else ""


def summary(page: Page) -> str:
    """What the head of the page says of its list."""
    return page.all("div", class_="title")[0].all("div", class_="soft")[0].words


def box(page: Page) -> str:
    """What the filter box holds."""
    (field,) = page.all("input", name="q")
    return field.attributes["value"]


def refused(page: Page) -> str:
    """The field that could not be read, as the page names it."""
    (message,) = page.all("p", id="filter-error")
    (field,) = message.all("code")
    return field.words
