"""Values as a browser's form sends them."""

from content.codecs import Codec


def posted_value(codec: Codec, text: str, previous: str) -> str:
    """The value of a field that was filled with ``previous``, tidied by the codec."""
    text = text.replace("\r\n", "\n")  # forms send every newline as CRLF
    only_crlf = "\r\n" in previous and previous.count("\n") == previous.count("\r\n")
    return codec.tidy(text.replace("\n", "\r\n") if only_crlf else text)
