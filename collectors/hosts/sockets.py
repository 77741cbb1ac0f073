"""Listening and connected sockets, as ss, netstat or the kernel print them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from collectors.hosts.read import SESSIONS, TCP_LISTENERS, UDP_LISTENERS
from collectors.transport.host_answers import HostAnswers

EPHEMERAL = 32768  # the kernel hands out ports from here on (net.ipv4.ip_local_port_range)
ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - nothing is bound here

_USERS = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=(\d+)')
_NETSTAT_USER = re.compile(r"^(\d+)/(.+)$")
_KERNEL_ROW = re.compile(
    r"^\s*\d+:\s+([0-9A-Fa-f]+):([0-9A-Fa-f]{4})\s+([0-9A-Fa-f]+):([0-9A-Fa-f]{4})\s+([0-9A-Fa-f]{2})\s"
)
_KERNEL_STATES = {1: "ESTAB", 10: "LISTEN", 7: "UNCONN"}


@dataclass(frozen=True)
class Socket:
    """One socket. `holders` are the processes that have it open, by number and name; empty if they are not shown."""

    protocol: str
    state: str
    address: str
    port: int
    far_address: str = ""
    far_port: int = 0
    holders: tuple[tuple[int, str], ...] = ()

    @property
    def place(self) -> str:
        """As in `listen`: `tcp/0.0.0.0:5432`, `tcp/[::]:5432`."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol}/{shown}:{self.port}"


def listeners(answers: HostAnswers) -> list[Socket]:
    """Sockets that wait for clients. UDP sockets on ports that the kernel chose are those of clients."""
    tcp = [s for s in read("tcp", answers.lines(TCP_LISTENERS)) if s.state == "LISTEN"]
    udp = [s for s in read("udp", answers.lines(UDP_LISTENERS)) if not s.far_port and s.port < EPHEMERAL]
    return sorted(set(tcp) | set(udp), key=lambda s: (s.protocol, s.port, s.address, s.holders))


def established(answers: HostAnswers) -> list[Socket]:
    """Connected TCP sockets."""
    found = {s for s in read("tcp", answers.lines(SESSIONS)) if s.state == "ESTAB" and s.far_port}
    return sorted(found, key=lambda s: (s.port, s.address, s.far_address, s.far_port, s.holders))


def read(protocol: str, lines: Iterable[str]) -> list[Socket]:
    """Rows of any of the three forms; what is none is passed over."""
    found = []
    for line in lines:
        row = _kernel(protocol, line) if _KERNEL_ROW.match(line) else _printed(protocol, line)
        if row is not None:
            found.append(row)
    return found


def _printed(protocol: str, line: str) -> Socket | None:
    words = line.split()
    if len(words) >= 5 and words[0].rstrip("46") == protocol and words[1].isdigit():
        # netstat: protocol, two queues, both ends, then the state, which UDP has none of.
        has_state = len(words) > 5 and words[5].isupper() and "/" not in words[5]
        state = words[5] if has_state else "UNCONN"
        holder = next((m for w in words[5:] if (m := _NETSTAT_USER.match(w))), None)
        holders: tuple[tuple[int, str], ...] = ((int(holder[1]), holder[2].rstrip(":")),) if holder else ()
        return _socket(protocol, {"ESTABLISHED": "ESTAB"}.get(state, state), words[3:5], holders)
    if len(words) >= 5 and words[0].isupper() and words[1].isdigit():
        holders = tuple(sorted({(int(pid), name) for name, pid in _USERS.findall(line)}))
        return _socket(protocol, words[0], words[3:5], holders)
    return None


def _socket(protocol: str, state: str, ends: list[str], holders: tuple[tuple[int, str], ...]) -> Socket | None:
    near, far = _end(ends[0]), _end(ends[1])
    if near is None or not near[1]:
        return None
    return Socket(protocol, state, near[0], near[1], *(far if far and far[1] else ("", 0)), holders=holders)


def _end(text: str) -> tuple[str, int] | None:
    """Address and port of `10.0.0.1:22`, `[::]:22`, `:::22`, `*:22` or `127.0.0.53%lo:53`; port 0 for `*`."""
    address, _, port = text.rpartition(":")
    address = address.strip("[]").partition("%")[0]
    if not port.isdigit() and port != "*":
        return None
    number = int(port) if port != "*" else 0
    if address in ("*", ""):
        return ANY[6], number  # ss writes `*` where one socket takes both families
    try:
        return plain(ipaddress.ip_address(address)), number
    except ValueError:
        return None


def plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Canonical text; an IPv4 address that an IPv6 socket carries is an IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def is_loopback(address: str) -> bool:
    """Whether only the host itself reaches an address."""
    return ipaddress.ip_address(address).is_loopback


def _kernel(protocol: str, line: str) -> Socket | None:
    """A row of /proc/net/tcp, tcp6, udp or udp6: words of addresses are in the byte order of the processor."""
    match = _KERNEL_ROW.match(line)
    if match is None:
        return None
    near, far = _kernel_address(match[1]), _kernel_address(match[3])
    port, far_port = int(match[2], 16), int(match[4], 16)
    if near is None or not port:
        return None
    state = _KERNEL_STATES.get(int(match[5], 16), "OTHER")
    return Socket(protocol, state, near, port, far if far and far_port else "", far_port if far else 0)


def _kernel_address(digits: str) -> str | None:
    if len(digits) not in (8, 32):
        return None
    words = (bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8))
    return plain(ipaddress.ip_address(b"".join(words)))
