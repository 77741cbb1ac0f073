"""A connection to an SSH server before anybody has logged in: its bytes and its time have bounds."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collectors.transport.session import TransportFailure
from collectors.transport.udp import Place

BEFORE_LOGIN_BYTES = 512 * 1024  # version line, key exchange, banner
LONGEST_GREETING = 16_384  # bytes before and with the version line (RFC 4253 §4.2 allows lines before it)
_VERSION_LINE = re.compile(rb"^SSH-[^\n]*\n", re.MULTILINE)
_SMALLEST_S = 0.05


@dataclass(frozen=True)
class SshLimits:
    """Waiting times in seconds, and the most bytes that a script may print."""

    connect_s: float = 5.0
    banner_s: float = 10.0
    handshake_s: float = 15.0
    login_s: float = 15.0
    channel_s: float = 10.0
    output_bytes: int = 32 << 20


class BoundedSocket:
    """A connected socket that ends after `left` bytes and at `deadline`, so that no library reads for ever.

    `ahead` was read already, and comes first. Where `left` is None there are no bounds.
    """

    def __init__(self, inner: socket.socket, deadline: float, ahead: bytes = b"") -> None:
        self._inner, self._ahead = inner, ahead
        self.deadline = deadline
        self.left: int | None = BEFORE_LOGIN_BYTES

    def is_used_up(self) -> bool:
        """Whether a bound was hit."""
        return self.left is not None and (self.left <= 0 or time.monotonic() > self.deadline)

    def recv(self, size: int) -> bytes:
        """As a socket; b"" beyond the bounds."""
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
            return taken
        if self.is_used_up():
            return b""
        data = self._inner.recv(size)
        if self.left is not None:
            self.left -= len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def dial(
    target: str, place: Place, timeout_s: float, made: Callable[[socket.socket], None] = lambda _: None
) -> socket.socket:
    """Connect; `made` is given the socket before that, to close it where the waiting is given up.

    Raises TransportFailure.
    """
    dialled = socket.socket(place.family, socket.SOCK_STREAM)
    made(dialled)
    where = (place.address, place.port, 0, place.scope_id)
    dialled.settimeout(max(_SMALLEST_S, timeout_s))
    try:
        dialled.connect(where if place.family == socket.AF_INET6 else where[:2])
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except TimeoutError as error:
        dialled.close()
        raise TransportFailure(target, "probe", "TIMEOUT", "no answer to the connection") from error
    except OSError as error:
        dialled.close()
        raise TransportFailure(target, "probe", "REFUSED", error.strerror or str(error)) from error
    return dialled


def read_greeting(target: str, dialled: socket.socket, limit_s: float, left_s: float) -> bytes:
    """Read up to the version line of the server: paramiko would read lines without an end for ever.

    Raises TransportFailure.
    """
    ahead = bytearray()
    end = time.monotonic() + min(limit_s, left_s)
    while not _VERSION_LINE.search(ahead):
        left = end - time.monotonic()
        if left <= 0:
            said = "no SSH version line" if ahead else "connected, and not a word came"
            raise TransportFailure(target, "probe", "TIMEOUT", f"{said} within {limit_s:g} s")
        if len(ahead) > LONGEST_GREETING:
            said = f"more than {LONGEST_GREETING} bytes and no SSH version line"
            raise TransportFailure(target, "probe", "UNDECODABLE", said)
        dialled.settimeout(left)
        try:
            piece = dialled.recv(4096)
        except TimeoutError:
            continue
        except OSError as error:
            raise TransportFailure(target, "probe", "REFUSED", error.strerror or str(error)) from error
        if not piece:
            said = "the connection was closed without an SSH version line"
            raise TransportFailure(target, "probe", "UNDECODABLE", said)
        ahead += piece
    return bytes(ahead)


def version_line(greeting: bytes) -> str:
    """The line of a greeting in which a server names its software, such as `SSH-2.0-OpenSSH_9.2p1 Debian-2`."""
    found = _VERSION_LINE.search(greeting)
    return found[0].decode("utf-8", "replace").strip() if found else ""
