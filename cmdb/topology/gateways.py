"""Where the LAN is grounded while nobody says it: at the routers that other things have addresses beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

IN_SUBNET = "IN_SUBNET"
ADDRESS = "IPAddress"
# A server that passes packets on, between containers perhaps, is no gateway of the LAN for that.
ROUTERS = frozenset({"NetworkDevice"})
ROUTING = frozenset({"router", "firewall"})
LEAST_NETWORKS = 2
WIDEST = 8  # bits; boxes show networks of their inside as 128.0.0.0/2, and nobody's LAN is that wide


class Named(Protocol):
    """What is asked of a CI here."""

    @property
    def ci_class(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def is_there(self) -> bool: ...
    def texts(self, attribute: str) -> tuple[str, ...]: ...


@dataclass(slots=True)
class Gateways:
    """Addresses and the networks they are in; which routers are gateways by that. CIs are numbers here.

    `standing` maps a gateway to the networks that make it one; `unread` are routers of which no network is known.
    `own` are the networks that each device has addresses in.
    `is_said` tells whether roots of the LAN are stated, `is_known` whether there is any gateway.
    """

    addresses: dict[int, set[int]] = field(default_factory=dict)  # by network
    networks: dict[int, set[int]] = field(default_factory=dict)  # by address
    standing: dict[int, tuple[int, ...]] = field(default_factory=dict)
    unread: set[int] = field(default_factory=set)
    is_said: bool = False
    is_known: bool = False
    _routers: dict[int, set[int]] = field(default_factory=dict)  # by network that they have an address in
    own: dict[int, frozenset[int]] = field(default_factory=dict)

    def put(self, address: int, network: int) -> None:
        """Note that an address is in a network."""
        self.addresses.setdefault(network, set()).add(address)
        self.networks.setdefault(address, set()).add(network)

    def drop(self, address: int, network: int) -> None:
        """Note that an address is no longer in a network."""
        for rows, near, far in ((self.addresses, network, address), (self.networks, address, network)):
            row = rows.get(near)
            if row is not None:
                row.discard(far)
                if not row:
                    del rows[near]

    def beside(self, ci: int) -> set[int]:
        """Routers that must be judged again when an address or a network changes."""
        found = set(self._routers.get(ci, ()))
        for network in self.networks.get(ci, ()):
            found |= self._routers.get(network, set())
        return found

    def is_root(self, ci: int) -> bool:
        """Whether the LAN is grounded at a CI by this rule.

        Of a router whose networks nobody has read it is not known that it is none. It counts beside those that are
        known, so that nothing is called cut off that may have it as its second gateway.
        """
        return bool(self.standing) and not self.is_said and (ci in self.standing or ci in self.unread)

    def roots(self) -> Iterable[int]:
        """All CIs at which the LAN is grounded by this rule."""
        return [ci for ci in (*self.standing, *self.unread) if self.is_root(ci)]

    def judge(self, nodes: Sequence[Named], device: int, own_addresses: Callable[[int], Iterable[int]]) -> bool:
        """Derive the standing of one device again; whether it changed."""
        before = self.standing.get(device), device in self.unread
        named: dict[int, set[str]] = {}
        if is_router := _is_router(nodes[device]):
            for address in own_addresses(device):
                for network in self.networks.get(address, ()):
                    named.setdefault(network, set()).add(nodes[address].name)
        self.index(device, frozenset(named))  # those that are no LAN too: they may become one
        own = {network: names for network, names in named.items() if _is_lan(nodes[network])}
        shared = tuple(sorted(n for n in own if self._others(nodes, n, own[n])))
        self.standing.pop(device, None)
        self.unread.discard(device)
        if len(shared) >= LEAST_NETWORKS:
            self.standing[device] = shared
        elif is_router and not own:
            self.unread.add(device)
        return before != (self.standing.get(device), device in self.unread)

    def _others(self, nodes: Sequence[Named], network: int, own: set[str]) -> bool:
        """Whether somebody else has an address there; the same one again is a network that every box has inside."""
        return any(nodes[a].is_there and nodes[a].name not in own for a in self.addresses.get(network, ()))

    def index(self, device: int, networks: frozenset[int]) -> None:
        """Note the networks that a device has addresses in."""
        before = self.own.get(device, frozenset())
        for network in before - networks:
            self._routers[network].discard(device)
        for network in networks - before:
            self._routers.setdefault(network, set()).add(device)
        if networks:
            self.own[device] = networks
        else:
            self.own.pop(device, None)


def _is_router(node: Named) -> bool:
    return node.ci_class in ROUTERS and node.is_there and not ROUTING.isdisjoint(node.texts("roles"))


def _is_lan(node: Named) -> bool:
    """Whether a network is there and as narrow as a network that somebody planned."""
    prefix = "".join(node.texts("prefix")[:1]).rpartition("/")[2]
    return node.is_there and (not prefix.isdecimal() or int(prefix) >= WIDEST)


def reason(nodes: Sequence[Named], networks: Sequence[int], listed: Callable[[list[str]], str]) -> str:
    """Why a router is a gateway, in words."""
    if not networks:
        return "a router whose networks nobody has read, beside others that are gateways"
    names = sorted(nodes[n].name for n in networks)
    return f"a router in {len(names)} networks where others have addresses: {listed(names)}"
