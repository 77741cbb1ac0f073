"""Finds out at which of many addresses anything answers, before anybody spends time on one."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

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

log = structlog.get_logger()


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
        asked = {spot for spot, _ in spots}
        if strangers := sorted(ear.heard - asked):
            # A host with several addresses may answer from another one than was asked: so it can't be read.
            log.warning("answers from addresses that were not asked", count=len(strangers), first=strangers[0].address)
        return ear.heard & asked


async def _send(ear: _Ear, packets: Iterator[tuple[Spot, bytes]], turns: Turns) -> None:
    """Send at an even rate, so that neither a switch nor our own socket has to drop."""
    for spot, data in packets:
        await turns.wait(subnet_of(spot.address))
        await ear.send(spot, data)


def _packets(spots: Sequence[tuple[Spot, Sequence[SnmpCredential]]], older: bool) -> Iterator[tuple[Spot, bytes]]:
    """What to send where; all are asked the same, as it only matters that somebody answers."""
    made: dict[str, tuple[bytes, ...]] = {}
    greeting = (encode_discovery(_draw(31)),)
    for spot, credentials in spots:
        packets: dict[bytes, None] = {}  # version 3 is greeted once, however many users there are
        for credential in credentials:
            if credential.name not in made:
                made[credential.name] = _asked(credential, older) if isinstance(credential, Community) else greeting
            packets |= dict.fromkeys(made[credential.name])
        for packet in packets:
            yield spot, packet


def _asked(credential: Community, older: bool) -> tuple[bytes, ...]:
    secret = credential.community.reveal()
    versions = {credential.version, "v1"} if older else {credential.version}
    return tuple(
        ber.encode_request(ber.VERSIONS[version], secret, ber.GET, _draw(31), [SYS_OBJECT_ID]) for version in versions
    )


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
