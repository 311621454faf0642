"""Messages go to public https addresses; others have to be named by the setting. Also at the second look-up."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enhancelog.alerts import addresses, posting
from enhancelog.domain.errors import Invalid
from tests.alerts.certificates import make_certificate
from tests.alerts.receivers import Receiver, receiving

HEADERS = {"Content-Type": "application/json"}


class Names:
    """Answers look-ups, in turn, and notes who was asked for."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, *arguments: Any, **options: Any) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/services/T0/B0?x=1",
        "https://hooks.example.org:8443",
        "HTTPS://Hooks.Example.org/a%20b",
        "https://[2606:4700::1111]/hook",
        "https://bücher.example/",
    ],
)
def test_https_address_can_be_used(url: str) -> None:
    assert addresses.receiver(url).scheme == "https"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "https://user:secret@hooks.example.org/",
        "https://user@hooks.example.org/",
        "https://@hooks.example.org/",
        "https:///path",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:x/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org/\r\nHost: other",
        "https://hooks.example.org\\@127.0.0.1/",
        "https://hooks.example.org /",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "javascript:alert(1)",
        f"https://hooks.example.org/{'x' * 2_000}",
    ],
)
def test_other_address_is_refused_with_a_line(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        addresses.receiver(url)
    assert refused.value.field == "url"
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "fe80::1%eth0"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "::127.0.0.1"),
    ],
)
def test_address_that_is_not_public_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not addresses.is_public(address)
    for answer in ([address], ["1.1.1.1", address]):
        monkeypatch.setattr(socket, "getaddrinfo", Names(answer))
        with pytest.raises(Invalid, match="not a public address"):
            addresses.check("https://hooks.example.org/")


@pytest.mark.parametrize("spelled", ["127.1", "2130706433", "0x7f000001", "localhost", "0177.0.0.1"])
def test_loopback_in_other_spellings_is_refused(spelled: str) -> None:
    with pytest.raises(Invalid):
        addresses.check(f"https://{spelled}/")


def test_unknown_name_is_refused_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names([]))
    with pytest.raises(Invalid, match="Name or service not known"):
        addresses.check("https://no-such.example/")


def test_look_up_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: ends.wait() and [])
    with pytest.raises(OSError, match="takes too long"):
        addresses.resolved(addresses.receiver("https://hooks.example.org/"), timeout_s=0.05)
    ends.set()


def test_name_that_leads_to_this_machine_on_the_second_look_up_gets_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(["1.1.1.1"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    url = f"https://hooks.example.org:{receiver.port}/"
    addresses.check(url)
    answer = posting.post(addresses.receiver(url), HEADERS, b"{}")
    assert answer.status is None
    assert "127.0.0.1, which is not a public address" in answer.text
    assert receiver.received == []


def test_connection_is_to_the_very_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW = frozenset({("hooks.example.org", receiver.port)})
    names = Names(["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *more, **options: _only(host, port, names))
    answer = posting.post(addresses.receiver(f"http://hooks.example.org:{receiver.port}/x"), HEADERS, b"{}")
    assert answer.status == 200
    assert names.asked == ["hooks.example.org"]  # once: connecting asks for no name
    assert receiver.received[0].headers["host"] == f"hooks.example.org:{receiver.port}"


def _only(host: str, port: int, names: Names) -> list[Any]:
    if host == "hooks.example.org":
        return names(host, port)
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]  # what create_connection asks of an address


def test_setting_names_a_host_or_one_of_its_ports(settings: Any) -> None:
    settings.WEBHOOK_ALLOW = frozenset({("10.0.0.7", 8080), ("hooks.lan", None)})
    addresses.check("http://10.0.0.7:8080/")
    assert addresses.receiver("http://hooks.lan:99/").is_named
    with pytest.raises(Invalid):
        addresses.check("https://10.0.0.7/")


class TestTls:
    """A receiver whose certificate is of a name, for whom TLS and the Host header carry that name."""

    @pytest.fixture
    def secured(self, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
        certificate, key = make_certificate(tmp_path, "hooks.example.org")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"]))
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(posting, "_tls", lambda: trusting)
        settings.WEBHOOK_ALLOW = frozenset({("hooks.example.org", None), ("other.example.org", None)})
        with receiving(tls=context) as server:
            yield server

    def test_right_certificate_is_accepted(self, secured: Receiver) -> None:
        answer = posting.post(addresses.receiver(f"https://hooks.example.org:{secured.port}/"), HEADERS, b"{}")
        assert answer[:2] == (200, "ok")

    def test_certificate_of_another_name_is_a_failure(self, secured: Receiver) -> None:
        answer = posting.post(addresses.receiver(f"https://other.example.org:{secured.port}/"), HEADERS, b"{}")
        assert answer.status is None
        assert "certificate" in answer.text.lower()
        assert secured.received == []

    def test_certificate_of_an_unknown_authority_is_a_failure(
        self, secured: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(posting, "_tls", ssl.create_default_context)
        answer = posting.post(addresses.receiver(f"https://hooks.example.org:{secured.port}/"), HEADERS, b"{}")
        assert answer.status is None
        assert secured.received == []
