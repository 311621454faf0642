"""Password hashing with argon2, limited to ``AT_ONCE`` hashes per process."""

from typing import Any, Final

from django.contrib.auth import hashers

from enhancelog.backends.few_at_once import FewAtOnce
from enhancelog.backends.permit import permit

# A hash takes 100 MiB, so without a limit a burst of sign-ins could exhaust memory. Django verifies, stores and
# imitates (for unknown users) every password through this hasher.
AT_ONCE: Final = 4
WAIT_S: Final = 5.0
RETRY_AFTER_S: Final = 5
BUSY: Final = "Too many passwords are being checked right now; try again."

_few: Final = FewAtOnce(AT_ONCE, WAIT_S, BUSY, RETRY_AFTER_S)


class Argon2PasswordHasher(hashers.Argon2PasswordHasher):
    """Raises ``Busy`` if no slot is free within ``WAIT_S``."""

    parallelism = 1  # Django's 8 threads per hash would crowd out requests on the same CPU

    def encode(self, password: str, salt: str) -> Any:
        with _few.slot(), permit.released():  # argon2 runs without the GIL, so it counts as waiting
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _few.slot(), permit.released():
            return super().verify(password, encoded)
