"""Template tags of the content pages."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from content.kinds import KINDS, Kind
from content.shown import Shown, Told, moment, title
from enhancelog.domain.origin import Origin
from enhancelog.templatetags.enhancelog import time_tag

register = template.Library()


@register.simple_tag
def kind(name: str) -> Kind:
    return KINDS[name]


@register.simple_tag
def ms(updated_ms: int) -> SafeString:
    """Our own clock's time, relative by script."""
    return time_tag(moment(updated_ms))


@register.simple_tag
def actor(origin: Origin, with_kind: bool = True) -> SafeString:
    """Who wrote: people in bold, tokens and commands as code."""
    if origin.actor_kind == "user":
        return format_html("<b>{}</b>", origin.actor_name)
    return format_html("{}<code>{}</code>", f"{origin.actor_kind} " if with_kind else "", origin.actor_name)


@register.filter
def value_template(it: Shown) -> str:
    return f"content/values/{it.kind.codec.name}.html"


@register.filter
def is_flag(it: Kind) -> bool:
    return it.codec.name == "flag"


@register.filter
def rows(it: Kind) -> int:
    """Height of the text box."""
    return {"markdown": 16, "flag": 2}.get(it.codec.name, 8)


@register.filter
def no_difference(told: Told) -> str:
    """What a version without differing lines says."""
    if told.item.value is None:
        return "Nothing is held any more."
    return "Set, without a text." if told.item.value == "" else "The same text as before."


@register.filter
def in_short(it: Shown) -> str:
    """A value in a few words."""
    match it.kind.codec.name:
        case "flag":
            return f"set: {it.value}" if it.value else "set"
        case "lines":
            count = len(it.lines)
            return f"{count} line{'' if count == 1 else 's'}"
        case "counter":
            return it.value
        case "markdown":
            return title(it.value[:400]) or "set, empty"
    return it.value[:400].strip().partition("\n")[0] or "set, empty"
