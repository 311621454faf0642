"""The load generator's own limit: the same requests to a server that only answers."""

import asyncio
import sys
from itertools import repeat
from typing import Final

from benchmarks import load
from benchmarks.bench import CLIENTS, Bench, http
from benchmarks.children import module, running
from benchmarks.rounds import Contender, Results
from benchmarks.servers import Server, wait_for
from tests.processes import free_port

ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
NAME: Final = "the load generator alone"


def run(bench: Bench) -> Results:
    address = load.Address("127.0.0.1", free_port())
    command = module("benchmarks.legs.generator_ceiling", address.port)
    with running(command, {"PATH": "/usr/bin:/bin"}, bench.log) as process:
        wait_for(address, "/", process, bench.log)
        requests = repeat(load.request(address, "GET", "/"))
        measure = http(Server(address, process), requests, bench.plan.reads * 20, CLIENTS, 200)
        return bench.measure([Contender(NAME, "requests/s", measure)])


class _Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(ANSWER)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
