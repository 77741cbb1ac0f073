"""One UDP socket that is connected to one agent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_address
from typing import NamedTuple

_RECEIVE_BUFFER_BYTES = 1 << 20  # what the kernel grants may be less; one agent at a time never fills even that
_LARGEST_DATAGRAM = 65535
_MOST_AT_ONCE = 16  # datagrams read before other sockets have their turn


class Place(NamedTuple):
    """Where an agent listens: an IP address, with the scope of link-local ones, and a port."""

    address: str
    port: int
    family: socket.AddressFamily = socket.AF_INET
    scope_id: int = 0


class Endpoint:
    """Datagrams to and from one agent only: the kernel drops those of others and tells when nobody listens.

    A socket of its own for each agent keeps the replies of hundreds of walks from crowding one buffer.
    """

    def __init__(self, place: Place) -> None:
        """Raises OSError where there is no way to that address."""
        self._receivers: list[tuple[Callable[[bytes], None], Callable[[OSError], None]]] = []
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(place.family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            where = (place.address, place.port)
            self._socket.connect(where if place.family == socket.AF_INET else (*where, 0, place.scope_id))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def listen(self, received: Callable[[bytes], None], failed: Callable[[OSError], None]) -> None:
        """Have datagrams and errors of the network reported."""
        self._receivers.append((received, failed))

    def forget(self, received: Callable[[bytes], None], failed: Callable[[OSError], None]) -> None:
        """Undo `listen`."""
        self._receivers.remove((received, failed))

    @contextmanager
    def listening(self, received: Callable[[bytes], None], failed: Callable[[OSError], None]) -> Iterator[None]:
        """As `listen`, for a while."""
        self.listen(received, failed)
        try:
            yield
        finally:
            self.forget(received, failed)

    def send(self, data: bytes) -> None:
        """Send a datagram; errors are reported as those that come later are."""
        try:
            self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            pass  # as if it had been lost on the way: the question is repeated
        except OSError as error:
            self._loop.call_soon(self._failed, error)

    def close(self) -> None:
        """Close the socket; safe to repeat."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            if self._socket.fileno() < 0:
                return
            try:
                data = self._socket.recv(_LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._failed(error)
                return
            for received, _ in list(self._receivers):
                received(data)

    def _failed(self, error: OSError) -> None:
        for _, failed in list(self._receivers):
            failed(error)


async def resolve(host: str, port: int) -> list[Place]:
    """Places of a host name or address, IPv4 first. Raises OSError (socket.gaierror) where it has none."""
    if literal := _literal(host, port):
        return [literal]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    places = []
    for family, _, _, _, where in found:
        if family == socket.AF_INET:
            places.append(Place(str(where[0]), port))
        elif family == socket.AF_INET6:
            places.append(Place(str(where[0]), port, family, int(where[3]) if len(where) > 3 else 0))
    if not places:
        raise socket.gaierror(socket.EAI_NONAME, "no IPv4 or IPv6 address")
    return sorted(dict.fromkeys(places), key=lambda place: place.family != socket.AF_INET)


def _literal(host: str, port: int) -> Place | None:
    """An address that needs no look-up, which would take a thread; those with a scope do."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return Place(host, port)
    return None if address.scope_id else Place(str(address), port, socket.AF_INET6)
