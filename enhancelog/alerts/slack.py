"""Messages for Slack's incoming webhooks, and for what understands the same."""

from typing import Final

import msgspec

from enhancelog.alerts.outgoing import Outgoing, OutgoingLine

# Slack reads <…> as links and mentions. Others that take the same body also read @name and [text](address); an
# invisible character (word joiner) keeps these apart.
_JOINER: Final = "\u2060"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": f"@{_JOINER}", "](": f"]{_JOINER}("}


def body_of(message: Outgoing) -> bytes:
    text = "\n".join(
        [
            f"*{_linked(message.title)}*",
            *(f"• {_linked(line)}" for line in message.lines),
            *([f"and {message.left_out} more lines"] if message.left_out else []),
            *([_link(f"{message.more:,} more", message.more_url)] if message.more else []),
            _link(f"Alert: {message.alert_name}", message.alert_url),
        ]
    )
    return msgspec.json.encode({"text": text, "unfurl_links": False, "unfurl_media": False})


def escaped(text: str) -> str:
    for plain, written in _ESCAPES.items():
        text = text.replace(plain, written)
    return text


def _linked(line: OutgoingLine) -> str:
    return _link(line.text, line.url) if line.url else escaped(line.text)


def _link(text: str, url: str) -> str:
    return f"<{url}|{escaped(text)}>"
