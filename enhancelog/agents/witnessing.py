"""What commands and the MCP server do as witnesses: they compare the server's log with what they saw before."""

import logging
import threading
import time
from typing import Final

from enhancelog.client.connection import Connection
from enhancelog.client.exchange import Unavailable, one_line
from enhancelog.client.remembered import EVERY_S
from enhancelog.client.witness import Witness
from enhancelog.domain.errors import Forked, Other

LONGEST: Final = 1000  # characters of a line
FORKED_S: Final = 60.0  # until a log that has forked is looked at again

logger = logging.getLogger(__name__)


class Watch:
    """``fork``: the line to show; empty if all is well. Raises ``Invalid`` for a wrong setting."""

    def __init__(self, connection: Connection) -> None:
        self.fork = ""
        self._witness = Witness(connection)
        self._last_trouble = ""

    def look(self, every_s: float = 0.0) -> str:
        """``fork``, up to date."""
        memory = self._witness.memory
        try:
            if memory and memory.is_due(every_s):
                self._witness.check()
                self.fork = ""
        except Forked as fork:
            self.fork = one_line(str(fork), LONGEST)
        except Unavailable:
            pass  # also a server that has signed nothing yet
        except Other as error:
            self._warn(one_line(str(error)))
        return self.fork

    def _warn(self, trouble: str) -> None:
        if trouble != self._last_trouble:
            logger.warning("%s", trouble)
        self._last_trouble = trouble


class BackgroundWatch:
    # Looks at the start, and again while it is asked for ``fork``; in a thread, so that nobody waits.

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._asked = threading.Event()
        self._asked.set()
        threading.Thread(target=self._run, name="enhancelog-witness", daemon=True).start()

    def fork(self) -> str:
        self._asked.set()
        return self._watch.fork

    def _run(self) -> None:
        last = ""
        while self._asked.wait():
            self._asked.clear()
            fork = self._watch.look()
            if fork and fork != last:
                logger.error("%s", fork)
            last = fork
            time.sleep(FORKED_S if fork else EVERY_S)
