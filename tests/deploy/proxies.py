"""nginx and Caddy as processes, with the committed configuration: only ports, certificates and folders are others."""

import datetime
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.deploy.tools import DEPLOY, tool
from tests.processes import START_S, free_port

NAME = "log.example.org"  # as in both configurations


class Proxy(NamedTuple):
    https: int
    http: int
    certificate: Path

    def connection(self, timeout: float = START_S) -> HTTPConnection:
        context = ssl.create_default_context(cafile=str(self.certificate))
        wrapped = context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.https), timeout), server_hostname=NAME
        )
        connection = HTTPConnection(NAME)
        connection.sock = wrapped
        return connection

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = START_S,
    ) -> tuple[HTTPResponse, bytes]:
        connection = self.connection(timeout)
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer, text


@contextmanager
def nginx(folder: Path, behind: int) -> Iterator[Proxy]:
    """In front of the port ``behind``."""
    proxy = Proxy(free_port(), free_port(), folder / "certificate.pem")
    make_certificate(proxy.certificate, folder / "key.pem")
    main = folder / "nginx.conf"
    main.write_text(nginx_configuration(folder, proxy, behind))
    with _running([tool("nginx"), "-p", str(folder), "-c", str(main), "-e", "stderr"], folder, proxy):
        yield proxy


def nginx_configuration(folder: Path, proxy: Proxy, behind: int) -> str:
    ours = (DEPLOY / "nginx" / "enhancelog.conf").read_text()
    for before, after in {
        "127.0.0.1:8000": f"127.0.0.1:{behind}",
        "/etc/ssl/enhancelog/fullchain.pem": str(proxy.certificate),
        "/etc/ssl/enhancelog/privkey.pem": str(folder / "key.pem"),
        "listen 80;": f"listen 127.0.0.1:{proxy.http};",
        "listen 443 ": f"listen 127.0.0.1:{proxy.https} ",
    }.items():
        assert before in ours
        ours = ours.replace(before, after)
    ours = re.sub(r" *listen \[::\].*\n", "", ours)  # not every machine has IPv6
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    start = f"daemon off; pid {folder / 'pid'}; worker_processes 1; events {{}}\n"
    return f"{start}http {{ access_log off; {folders}\n{ours}}}\n"


@contextmanager
def caddy(folder: Path, behind: int) -> Iterator[Proxy]:
    storage = folder / "storage"
    proxy = Proxy(free_port(), free_port(), storage / "pki" / "authorities" / "local" / "root.crt")
    main = folder / "Caddyfile"
    main.write_text(caddy_configuration(storage, proxy, behind))
    with _running([tool("caddy"), "run", "--config", str(main), "--adapter", "caddyfile"], folder, proxy):
        yield proxy


def caddy_configuration(storage: Path, proxy: Proxy, behind: int) -> str:
    ours = (DEPLOY / "caddy" / "Caddyfile").read_text()
    assert "127.0.0.1:8000" in ours
    options = f"admin off\nhttp_port {proxy.http}\nhttps_port {proxy.https}\ndefault_bind 127.0.0.1\n"
    certificates = f"local_certs\nskip_install_trust\nstorage file_system {storage}\n"
    return f"{{\n{options}{certificates}}}\n{ours.replace('127.0.0.1:8000', f'127.0.0.1:{behind}')}"


@contextmanager
def _running(command: list[str], folder: Path, proxy: Proxy) -> Iterator[None]:
    log = folder / "proxy.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(proxy, process, log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(proxy: Proxy, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            proxy.ask("GET", "/health/live")
        except (OSError, HTTPException):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the proxy does not answer: {log.read_text()}")


def make_certificate(path: Path, key_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *secret))
