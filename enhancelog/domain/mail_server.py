"""Where mail is sent to be delivered."""

from typing import NamedTuple


class MailServer(NamedTuple):
    # ``scheme``: smtp, smtps (TLS from the start) or starttls. ``sender``: the address in From.
    scheme: str
    host: str
    port: int
    user: str
    password: str
    sender: str

    @property
    def address(self) -> str:
        """Without user and password: at some providers, the user is a secret too."""
        return f"{self.scheme}://{self.host}:{self.port}"
