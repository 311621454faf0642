"""Values as browsers send them."""

from content.kinds import Kind


def posted_value(kind: Kind, text: str, previous: str) -> str:
    """The value of a field that held ``previous``."""
    text = text.replace("\r\n", "\n")  # forms send every newline as CRLF
    only_crlf = "\r\n" in previous and previous.count("\n") == previous.count("\r\n")
    return kind.codec.tidy(text.replace("\n", "\r\n") if only_crlf else text)
