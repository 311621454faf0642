"""Short pauses of workers that compute for long, so that requests go on beside them."""

import time
from typing import Final

from enhancelog.backends.permit import permit

WORK_S: Final = 0.002
REST_S: Final = 0.001


class Rest:
    """To be called often: after ``WORK_S`` of work it leaves the interpreter, and the permit, to requests for
    ``REST_S``.
    """

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._since > WORK_S:
            with permit.released():
                time.sleep(REST_S)
            self._since = time.monotonic()
