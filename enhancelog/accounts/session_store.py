"""Sessions in a table that knows whose they are. ``SESSION_ENGINE`` names this module."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

from enhancelog.accounts.session_limits import in_force
from enhancelog.domain import browsers
from enhancelog.models import Session

# In the session's data: when it was signed in (s), and the user that a proxy had named then.
STARTED: Final = "started"
REMOTE_USER: Final = "remote_user"
# There if the password is a temporary one.
MUST_CHANGE: Final = "must_change_password"

# As Django makes them.
_KEY: Final = re.compile("[a-z0-9]{32}")


class SessionStore(db.SessionStore):
    """Returns nothing of a session that has ended."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.row: Session | None = None  # as loaded
        self.address = self.user_agent = ""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def browser(self) -> str:
        return browsers.in_words(self.user_agent)

    def _validate_session_key(self, key: str | None) -> bool:
        # Anything else in the cookie asks the database for nothing. PostgreSQL would fail on a U+0000 in it.
        return key is not None and _KEY.fullmatch(key) is not None

    def load(self) -> dict[str, Any]:
        self.row = in_force().filter(session_key=self.session_key).first()
        if self.row is None:
            self._session_key = None
            return {}
        return self.decode(self.row.session_data)

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.seen = timezone.now()
        row.started = datetime.fromtimestamp(data[STARTED], UTC) if STARTED in data else row.seen
        row.address, row.browser = self.address, self.browser
        return row
