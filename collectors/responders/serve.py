"""Run many agents in one event loop, each on its own UDP port of a loopback address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import NamedTuple, cast

from cmdb.errors import Unreachable, UsageError
from collectors.responders.agent import Agent
from collectors.responders.responder import Responder

_RECEIVE_BUFFER_BYTES = 1 << 20
_ELSEWHERE = "127.0.0.9"


class Running(NamedTuple):
    """One agent that answers."""

    address: str
    port: int
    responder: Responder


class _Endpoint(asyncio.DatagramProtocol):
    """Ties a responder to a socket."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._transport: asyncio.DatagramTransport | None = None
        self._elsewhere: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # Python 3.11's does not inherit from it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._responder.answer(data)
        if reply is None or self._transport is None:
            return
        if self._elsewhere:
            self._elsewhere.sendto(reply, addr)
        else:
            self._transport.sendto(reply, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._elsewhere:
            self._elsewhere.close()

    def answer_from(self, address: str) -> None:
        """Let replies leave from another address, as those of hosts with several may."""
        self._elsewhere = _bind(address, 0, "elsewhere")


@asynccontextmanager
async def serve(
    agents: Mapping[str, Agent], address: str = "127.0.0.1", ports: Mapping[str, int] | None = None
) -> AsyncIterator[dict[str, Running]]:
    """Answer for these agents, by name, until the context is left.

    `ports` gives fixed ports; the others are chosen free. Raises UsageError for an address that is not loopback
    (an agent with invented answers has no place on a network), Unreachable when a port is taken.
    """
    if not ip_address(address).is_loopback:
        raise UsageError(f"responders listen on loopback only, not on {address}; use 127.0.0.1")
    loop = asyncio.get_running_loop()
    transports: list[asyncio.BaseTransport] = []
    running: dict[str, Running] = {}
    try:
        for name, agent in agents.items():
            responder = Responder(agent)
            sock = _bind(address, (ports or {}).get(name, 0), name)
            endpoint = _Endpoint(responder)
            transport, _ = await loop.create_datagram_endpoint(lambda e=endpoint: e, sock=sock)  # type: ignore[misc]  # mypy can't type a lambda's default
            transports.append(transport)
            if agent.faults and agent.faults.elsewhere:
                endpoint.answer_from(_ELSEWHERE)
            running[name] = Running(address, sock.getsockname()[1], responder)
        yield running
    finally:
        await _close(transports)


def _bind(address: str, port: int, name: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise Unreachable(
            f"agent {name!r} can't have UDP port {port} of {address}: {error.strerror}. Give it another port, or none."
        ) from error
    return sock


async def _close(transports: Iterable[asyncio.BaseTransport]) -> None:
    for transport in transports:
        transport.close()
    await asyncio.sleep(0)  # sockets are closed by the loop's next turn
