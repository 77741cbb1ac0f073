"""Ranges of addresses as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from cmdb.errors import LimitExceeded, UsageError

_NAME = re.compile(r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?$")
_FORMS = "10.0.0.1, 10.0.0.1:1161, 10.0.0.0/24, 10.0.0.1-10.0.0.20, 10.0.0.1-20, [2001:db8::1]:161 or a host name"

_Address = IPv4Address | IPv6Address


def split_port(text: str, default: int) -> tuple[str, int]:
    """Separate the port from `host:port` or `[v6]:port`; without one the default holds. Raises UsageError."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise UsageError(f"{text!r} is no address: write {_FORMS}")
        return host, _port(rest[1:], text) if rest else default
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, _port(port, text)
    return text, default


def _port(text: str, whole: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise UsageError(f"{whole!r}: a port is a number from 1 to 65535")
    return int(text)


def valid(text: str) -> str:
    """Check an address, range or host name, with or without a port; raises UsageError that says what there can be."""
    host, _ = split_port(text, 0)
    if _bounds(host, text) is None and (not _NAME.match(host) or re.fullmatch(r"[0-9.]+", host)):
        raise UsageError(f"{text!r} is no address, range or host name: write {_FORMS}")
    return text


def _bounds(host: str, whole: str) -> tuple[_Address, _Address] | None:
    """First and last address of a range; None for a host name. Network and broadcast addresses are no hosts."""
    try:
        if "/" in host:
            network = ip_network(host, strict=False)
            first, last = network[0], network[-1]
            if isinstance(first, IPv4Address) and network.prefixlen < 31:
                return first + 1, last - 1
            return first, last
        low, dash, high = host.partition("-")
        if not dash:
            return ip_address(host), ip_address(host)
        start = ip_address(low)
        end = ip_address(high) if not high.isdigit() else ip_address(f"{low.rpartition('.')[0]}.{high}")
    except ValueError as error:
        if "/" in host:
            raise UsageError(f"{whole!r}: {error}") from error
        return None
    if type(start) is not type(end) or int(start) > int(end):
        raise UsageError(f"{whole!r}: the first address of a range must not lie behind the last one")
    return start, end


def expand(host: str, limit: int) -> Iterator[str]:
    """Addresses of a range, one after the other; a host name stands for itself. Raises LimitExceeded beforehand."""
    bounds = _bounds(host, host)
    if bounds is None:
        yield host
        return
    first, last = bounds
    if int(last) - int(first) >= limit:
        raise LimitExceeded(
            f"{host}: a range has at most {limit} addresses; divide it, or let its scope crawl without a sweep"
            " (crawl = true, sweep = false)"
        )
    for number in range(int(first), int(last) + 1):
        yield str(type(first)(number))


_PREFIX_BITS = {4: 24, 6: 64}


@lru_cache(1 << 16)
def subnet_of(address: str) -> str:
    """The /24 or /64 that an address lies in; host names and loopback have none ("")."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if found.is_loopback:
        return ""
    return str(ip_network((found, _PREFIX_BITS[found.version]), strict=False))


def canonical(address: str) -> str:
    """An address as it is always written here; what is none stays as it is."""
    try:
        return str(ip_address(address))
    except ValueError:
        return address


def is_single(host: str) -> bool:
    """Whether a range is one address, or a host name."""
    bounds = _bounds(host, host)
    return bounds is None or bounds[0] == bounds[1]


def covers(host: str, address: str) -> bool:
    """Whether an address is one of the hosts of a range; a host name covers none."""
    bounds = _bounds(host, host)
    try:
        asked = ip_address(address)
    except ValueError:
        return False
    if bounds is None or type(bounds[0]) is not type(asked):
        return False
    return int(bounds[0]) <= int(asked) <= int(bounds[1])


class Addresses:
    """Addresses and host names that ranges cover; `in` asks for one."""

    def __init__(self, ranges: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._bounds: list[tuple[_Address, _Address]] = []
        for text in ranges:
            host, _ = split_port(text, 0)
            network = _whole(host)
            if network is None:
                self._names.add(host.lower().rstrip("."))
            else:
                self._bounds.append(network)

    def __contains__(self, address: object) -> bool:
        text = str(address)
        try:
            asked = ip_address(text)
        except ValueError:
            return text.lower().rstrip(".") in self._names
        return any(type(low) is type(asked) and int(low) <= int(asked) <= int(high) for low, high in self._bounds)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Addresses) and (self._names, self._bounds) == (other._names, other._bounds)

    def __hash__(self) -> int:
        return hash((frozenset(self._names), tuple(self._bounds)))


def _whole(host: str) -> tuple[_Address, _Address] | None:
    """As `_bounds`, with the network and broadcast addresses."""
    if "/" in host:
        network = ip_network(host, strict=False)
        return network[0], network[-1]
    return _bounds(host, host)
