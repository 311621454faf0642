"""Remembers what a server says about its log, and notices when it says something else."""

from enhancelog.client import remembered
from enhancelog.client.connection import Connection
from enhancelog.client.remembered import Remembered
from enhancelog.client.witness_calls import WitnessCalls
from enhancelog.domain.errors import Forked
from enhancelog.evidence.checkpoints import Checkpoint


class Witness:
    """``memory``: by default as the environment says. Raises ``Invalid``."""

    def __init__(self, connection: Connection, memory: Remembered | None = None) -> None:
        self.memory = memory or remembered.from_environment(connection.url)
        self._connection = connection
        self._calls = WitnessCalls(connection.url)

    def check(self) -> Checkpoint | None:
        """The newest checkpoint; ``None``: the server has none, or this is switched off. Raises ``Forked`` or
        ``Other``."""
        if self.memory is None:
            return None
        known = self.memory.read()
        try:
            seen = self._connection.run(self._calls.look(known))
        except Forked as fork:
            raise self.memory.forked(fork, known) from None
        self.memory.keep(seen)
        return seen.checkpoint if seen else None
