"""Jinja environment. Its functions return text, never markup."""

from collections.abc import MutableMapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from django.conf import settings
from django.templatetags.static import static
from django.urls import get_script_prefix, reverse
from django_htmx.jinja import htmx_script
from jinja2 import Environment

from enhancelog import links
from enhancelog.accounts.permissions import allows
from enhancelog.domain import intervals
from enhancelog.domain.deceptive_names import deceptions
from enhancelog.domain.times import as_datetime, now_ms
from enhancelog.patterns import parts
from enhancelog.queries.counts import Count
from enhancelog.web import charts, kept

_FORMATS: Final = {"short": "%d %b %H:%M", "full": "%d %b %Y %H:%M:%S UTC", "day": "%d %b %Y"}


class TimeText(NamedTuple):
    """In UTC. ``exact``: with seconds."""

    iso: str
    exact: str
    shown: str


class FixedGlobals(Environment):
    # Each import of macros compares all globals. With Jinja's chain of mappings, that took 4 % of the overview's time.

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


def environment(**options: Any) -> Environment:
    jinja = FixedGlobals(trim_blocks=True, lstrip_blocks=True, **options)  # Django turns autoescape on
    jinja.globals |= {
        "charts": charts,
        "few_runs": intervals.FEW,
        "deceptions": deceptions,
        "htmx_script": htmx_script,
        "interval_in_words": interval_in_words,
        "kept": kept.rows(),
        "kept_chart": kept.charts(),
        "links": links,
        "may": allows,
        "moment_text": moment_text,
        "now_ms": now_ms,
        "page_url": page_url,
        "percent": percent,
        "program": settings.PROGRAM,
        "public_url": public_url,
        "rejections_url": rejections_url,
        "runs_url": runs_url,
        "static": _static_url,
        "time_text": time_text,
        "url": url,
        "wording_parts": parts,
    }
    jinja.filters |= {"change": change, "plural": plural, "quoted": quoted, "thousands": thousands}
    return jinja


def page_url(name: str) -> str:
    return _page_url(name, get_script_prefix())  # cached, because every page has a dozen


@lru_cache(maxsize=64)
def _page_url(name: str, prefix: str) -> str:
    return reverse(name)


_static_url: Final = lru_cache(maxsize=64)(static)  # a file's address lasts as long as the process


def url(name: str, *arguments: object) -> str:
    """Not for ids, which may contain anything: use ``links``."""
    return reverse(name, args=arguments)


def public_url() -> str:
    return str(settings.PUBLIC_URL)


def time_text(ts_ms: int, recorded_ms: int, style: str = "relative") -> TimeText | None:
    """``None`` if implausible. ``style``: relative (by script), clock (16:29), short (04 Nov 10:48), day or full."""
    moment = as_datetime(ts_ms, recorded_ms)
    return None if moment is None else moment_text(moment, style)


def moment_text(moment: datetime, style: str = "relative") -> TimeText:
    iso = moment.isoformat()
    seconds = f"{iso[:10]} {iso[11:19]}"
    if style == "clock":
        shown = seconds[11:16]
    elif style == "relative":
        shown = seconds[:16]
    else:
        shown = f"{moment:{_FORMATS[style]}}"
    return TimeText(iso, f"{seconds} UTC", shown)


def percent(part: int, whole: int) -> str:
    """``38 %``; ``<1 %`` if rounded to zero; a dash if ``whole`` is zero."""
    if not whole:
        return "–"
    rounded = round(100 * part / whole)
    return f"{rounded} %" if rounded or not part else "<1 %"


def interval_in_words(part: int, whole: int) -> str:
    if not whole:
        return "no runs"
    low, high = intervals.wilson(part, whole)
    return f"{part:,} of {whole:,}; 95 % confidence interval {round(100 * low)} to {round(100 * high)} %"


def rejections_url(span: links.Span, **narrower: str) -> str:
    return links.rejections([*narrower.items(), *links.between(span.since_ms, span.until_ms)])


def runs_url(span: links.Span, **narrower: str) -> str:
    return links.runs([*narrower.items(), *links.between(span.since_ms, span.until_ms)])


def thousands(number: Any) -> str:
    return f"{number:,}"


def change(now: int, before: int) -> str:
    return f"{now - before:+,}".replace("-", "−") if now != before else "±0"


def quoted(text: str) -> str:
    return quote(text, safe="")


def plural(number: int | Count, one: str, many: str) -> str:
    is_one = number.is_one if isinstance(number, Count) else number == 1
    return one if is_one else many
