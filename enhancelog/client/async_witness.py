"""``witness`` for asyncio."""

import asyncio

from enhancelog.client import remembered
from enhancelog.client.async_connection import AsyncConnection
from enhancelog.client.remembered import Remembered
from enhancelog.client.witness_calls import WitnessCalls
from enhancelog.domain.errors import Forked
from enhancelog.evidence.checkpoints import Checkpoint


class AsyncWitness:
    def __init__(self, connection: AsyncConnection, memory: Remembered | None = None) -> None:
        self.memory = memory or remembered.from_environment(connection.url)
        self._connection = connection
        self._calls = WitnessCalls(connection.url)

    async def check(self) -> Checkpoint | None:
        if self.memory is None:
            return None
        known = await asyncio.to_thread(self.memory.read)
        try:
            seen = await self._connection.run(self._calls.look(known))
        except Forked as fork:
            raise await asyncio.to_thread(self.memory.forked, fork, known) from None
        await asyncio.to_thread(self.memory.keep, seen)
        return seen.checkpoint if seen else None
