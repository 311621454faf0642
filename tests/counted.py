"""Numbers on pages that are links, and how many rows the lists behind them hold."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from enhancelog.domain import filters
from enhancelog.queries.selection import select
from tests.pages import Element, Page
from tests.strategies import NOW_MS

LISTS = ("/rejections/", "/search/", "/blueprints/")
CELL = re.compile(r"(?:<?\d+ %|–) ([\d,]+)/([\d,]+)( few)?")


def counted_links(page: Page | Element) -> Iterator[tuple[str, int]]:
    """Every link to a list that shows a number of rows, with that number."""
    for link in page.all("a"):
        url = link.attributes.get("href", "")
        if not url.startswith(LISTS):
            continue
        shown = link.words.replace(",", "")
        titles = [each.words for each in link.inside if each.tag == "title"]
        if shown.isdigit():
            yield url, int(shown)
        elif titles:
            yield url, _number_in_title(titles[0], link)
        elif cell := CELL.fullmatch(link.words):
            yield url, int(cell[1].replace(",", ""))


def counted_facets(page: Page) -> Iterator[tuple[str, int]]:
    """Every link of a facet that chooses something, with its number."""
    for facet in page.all("div", class_="facet"):
        yield from (
            (link.attributes["href"], int(number.words))
            for link in facet.all("a")
            for number in link.all("span", class_="n")
            if "aria-current" not in link.attributes
        )


def rows_behind(url: str) -> int:
    """How many entries the list at this address holds."""
    address = urlsplit(url)
    pairs = parse_qsl(address.query, keep_blank_values=True, strict_parsing=bool(address.query))
    if address.path == "/rejections/":
        pairs.append(("status", "rejected"))
    elif address.path.startswith("/blueprints/") and address.path != "/blueprints/":
        pairs.append(("blueprint_id", unquote(address.path.removeprefix("/blueprints/"))))
    return select(filters.from_pairs(pairs, NOW_MS)).count()


def _number_in_title(title: str, link: Element) -> int:
    """A bar's title says all of it: "Sat 14 Nov 2026: 19 applied, 4 rejected" or "…: 3 denied by noop, of 9 judged"."""
    said = title.rpartition(": ")[2] if "denied by" not in title else title[: title.rindex(" denied by")].split()[-1]
    if said.isdigit():
        return int(said)
    numbers = [int(part.split()[0]) for part in said.split(", ")]
    kinds = ("bar-a", "bar-l", "bar-r") if len(numbers) == 3 else ("bar-a", "bar-r")
    classes = {each.attributes.get("class") for each in link.inside}
    of_kind = dict(zip(kinds, numbers, strict=True))
    return {"hit": sum(numbers), **of_kind}[str((classes - {None}).pop())]
