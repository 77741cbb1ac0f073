"""Finds out at which of many addresses anything answers, before anybody spends time on one."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collectors.ranges import subnet_of
from collectors.transport import ber
from collectors.transport.answers import Oid
from collectors.transport.credentials import Community, SnmpCredential
from collectors.transport.engine import encode_discovery
from collectors.transport.pace import Turns

SYS_OBJECT_ID: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)

_RECEIVE_BUFFER_BYTES = 4 << 20
_SEND_BUFFER_BYTES = 4 << 20
_FULL_S = 5.0
_MOST_TRIES = 20
_LARGEST_DATAGRAM = 65535
_draw = random.SystemRandom().getrandbits


class Spot(NamedTuple):
    """An address, as text, and a port."""

    address: str
    port: int


@dataclass(frozen=True)
class Sweeping:
    """How to sweep: packets a second in all and into one subnet, how often each address is asked, and the wait after
    the last packet.
    """

    packets_per_s: int = 2000
    packets_per_subnet_s: int = 500
    rounds: int = 2
    wait_s: float = 1.0

    def turns(self) -> Turns:
        """Turns at these rates."""
        return Turns(self.packets_per_s, self.packets_per_subnet_s)


async def sweep(spots: Sequence[tuple[Spot, Sequence[SnmpCredential]]], sweeping: Sweeping | None = None) -> set[Spot]:
    """Ask each spot with all its credentials at once, and give those that answered anything.

    Version 3 agents answer without a user. In the later rounds version 1 is tried, too, and only what has not answered
    is asked again. Raises UsageError where a secret can't be had.
    """
    sweeping = sweeping or Sweeping()
    with _Ear() as ear:
        for number in range(sweeping.rounds):
            waiting = [(spot, credentials) for spot, credentials in spots if spot not in ear.heard]
            await _send(ear, _packets(waiting, number > 0), sweeping.turns())
            await asyncio.sleep(sweeping.wait_s)
        return ear.heard & {spot for spot, _ in spots}


async def _send(ear: _Ear, packets: Iterator[tuple[Spot, bytes]], turns: Turns) -> None:
    """Send at an even rate, so that neither a switch nor our own socket has to drop."""
    for spot, data in packets:
        await turns.wait(subnet_of(spot.address))
        await ear.send(spot, data)


def _packets(spots: Sequence[tuple[Spot, Sequence[SnmpCredential]]], older: bool) -> Iterator[tuple[Spot, bytes]]:
    secrets: dict[str, bytes] = {}
    for spot, credentials in spots:
        greeted = False
        for credential in credentials:
            if not isinstance(credential, Community):
                if not greeted:
                    yield spot, encode_discovery(_draw(31))
                greeted = True
                continue
            if credential.name not in secrets:
                secrets[credential.name] = credential.community.reveal()
            for version in {credential.version, "v1"} if older else {credential.version}:
                number = ber.VERSIONS[version]
                yield spot, ber.encode_request(number, secrets[credential.name], ber.GET, _draw(31), [SYS_OBJECT_ID])


class _Ear:
    """Two sockets, one for each kind of address, that note who speaks."""

    def __init__(self) -> None:
        self.heard: set[Spot] = set()
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[bool, socket.socket] = {}

    def __enter__(self) -> _Ear:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets.values():
            self._loop.remove_reader(sock.fileno())
            sock.close()

    async def send(self, spot: Spot, data: bytes) -> None:
        """Send, or not: what the network refuses is not there.

        Packets to addresses of our own network wait in the send buffer until ARP has found or given up their
        receivers, which takes 3 s. A few hundred silent addresses fill it, and what is sent then must wait, too.
        """
        sock = self._socket(":" in spot.address)
        for _ in range(_MOST_TRIES):
            try:
                sock.sendto(data, spot)
            except BlockingIOError:
                await self._writable(sock)
                continue
            except OSError:
                pass
            return

    async def _writable(self, sock: socket.socket) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(sock.fileno(), ready.set)
        try:
            await asyncio.wait_for(ready.wait(), _FULL_S)
        except TimeoutError:
            return
        finally:
            self._loop.remove_writer(sock.fileno())

    def _socket(self, v6: bool) -> socket.socket:
        if v6 not in self._sockets:
            sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)  # as much as the system allows
            self._loop.add_reader(sock.fileno(), self._readable, sock)
            self._sockets[v6] = sock
        return self._sockets[v6]

    def _readable(self, sock: socket.socket) -> None:
        while True:
            try:
                _, where = sock.recvfrom(_LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # news that nobody listens somewhere: as good as silence
            self.heard.add(Spot(str(where[0]), int(where[1])))
