"""Panels of other apps on an entry's page."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest


class EntryPanel(NamedTuple):
    """``context``: for ``template``, as ``panel``; ``None`` hides it. ``version`` changes whenever the panel may."""

    template: str
    context: Callable[[HttpRequest, str], dict[str, Any] | None]
    version: Callable[[str], tuple[int, ...]]


class Shown(NamedTuple):
    template: str
    context: dict[str, Any]


_panels: list[EntryPanel] = []


def register(panel: EntryPanel) -> None:
    """In ``AppConfig.ready``."""
    _panels.append(panel)


def shown(request: HttpRequest, issue_id: str) -> list[Shown]:
    contexts = ((panel.template, panel.context(request, issue_id)) for panel in _panels)
    return [Shown(template, context) for template, context in contexts if context is not None]


def version(issue_id: str) -> tuple[int, ...]:
    return tuple(number for panel in _panels for number in panel.version(issue_id))
