"""Pages as tests look at them: their elements, links and texts."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.http import HttpResponseBase

VOID = {"meta", "link", "input", "br", "hr", "img", "area", "base", "col", "source", "wbr"}


@dataclass
class Element:
    """``text`` is everything inside it, white space collapsed by ``words``."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: list["Element"] = field(default_factory=list)

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        return _matching(self.inside, tag, attributes)


class Page(HTMLParser):
    """Every element of a page in document order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.text = ""
        self._open: list[Element] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        for outer in self._open:
            outer.inside.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return _matching(self.elements, tag, attributes)

    def addresses(self, words: str) -> list[str]:
        """Where the links lead that say exactly this."""
        return [link.attributes["href"] for link in self.all("a") if link.words == words]

    @property
    def words(self) -> str:
        """What the body says; of a fragment, all of it."""
        return self.all("body")[0].words if self.all("body") else " ".join(self.text.split())


def _matching(elements: list[Element], tag: str, attributes: dict[str, str]) -> list[Element]:
    wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    return [each for each in elements if each.tag == tag and wanted.items() <= each.attributes.items()]


def read(response: HttpResponseBase) -> Page:
    content: bytes = response.content  # type: ignore[attr-defined]
    return Page(content.decode())
