"""Browsers in words of our own, whatever they send."""

import pytest

from enhancelog.domain.browsers import in_words

LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Safari/605.1.15"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (LINUX, "Firefox 128 on Linux"),
        (CHROME, "Chrome 131 on Windows"),
        (f"{CHROME} Edg/131.0.0.0", "Edge 131 on Windows"),
        (f"{CHROME} OPR/116.0.0.0", "Opera 116 on Windows"),
        (SAFARI, "Safari 18 on macOS"),
        (PHONE, "Safari 18 on iPhone"),
        (ANDROID, "Chrome 131 on Android"),
        ("curl/8.5.0", "curl 8"),
        ("", "A program without a name"),
        ("<script>alert(1)</script>\x1b[31m\u202e", "Another program"),
        ("Firefox/99999999999999 Windows", "Firefox 9999 on Windows"),
        ("x" * 100_000 + "Firefox/1", "Another program"),
    ],
)
def test_a_browser_is_said_in_our_words(sent: str, words: str) -> None:
    assert in_words(sent) == words
