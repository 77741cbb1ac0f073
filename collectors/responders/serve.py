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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # Python 3.11's does not inherit from it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._responder.answer(data)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


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
            transport, _ = await loop.create_datagram_endpoint(lambda r=responder: _Endpoint(r), sock=sock)  # type: ignore[misc]  # mypy can't type a lambda's default
            transports.append(transport)
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
