"""Follows neighbours from device to device, within the ranges of the scope that the device belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from collectors.discover import Bounds, State, Target, TargetResult, Told
from collectors.facts import Facts, Neighbour
from collectors.live import discover_live
from collectors.scopes import Scope, Scopes, TargetSpec
from collectors.transport.sweep import Sweeping

MOST_FOLLOWED = 65_536  # addresses in one run: an agent may tell of as many neighbours as it likes


@dataclass
class _Party:
    """One neighbour: the MAC address of its chassis ("": not told), and the addresses at which it may answer."""

    scope: str
    mac: str
    addresses: set[str]


class Frontier:
    """What to ask next. The addresses that follow from what was told do not depend on the order of results."""

    def __init__(self, scopes: Scopes, specs: Iterable[TargetSpec]) -> None:
        self._scopes = {scope.name: scope for scope in scopes.scopes if scope.crawl}
        self._specs = {spec.name: spec for spec in specs}
        self._asked = {spec.address for spec in self._specs.values()}
        self._answered: set[str] = set()  # addresses at which a device told something
        self._macs: set[str] = set()  # of devices that told something
        self._configured: set[str] = set()  # their addresses; two devices may have the same private one
        self._neighbours: list[tuple[str, Neighbour]] = []  # with the scope in which each was named
        self._caches: dict[str, set[str]] = defaultdict(set)  # addresses by MAC address
        self._followed = 0
        self.is_cut: bool = False

    def note(self, result: TargetResult) -> None:
        """Take in what a target told."""
        spec = self._specs.get(result.target)
        if spec is None or not result.told:
            return
        for told in result.told:
            self._answered |= {told.address, spec.address} - {""}
            self._macs |= _macs_of(told)
            self._configured |= _addresses_of(told)
            if told.facts is not None and spec.scope in self._scopes:
                self._neighbours += [(spec.scope, neighbour) for neighbour in told.facts.neighbours]
                self._remember(told.facts)

    def _remember(self, facts: Facts) -> None:
        for row in facts.resolved:
            self._caches[row.mac].add(row.address)

    def next(self) -> list[TargetSpec]:
        """Targets to visit now: of each neighbour that nobody has heard yet, the first address not asked so far."""
        found: list[TargetSpec] = []
        for party in _merged(self._parties()):
            if party.mac in self._macs or party.addresses & self._answered:
                continue
            spec = self._first(self._scopes[party.scope], party)
            if spec is None:
                continue
            if self._followed >= MOST_FOLLOWED:
                self.is_cut = True
                break
            self._followed += 1
            self._asked.add(spec.address)
            self._specs[spec.name] = spec
            found.append(spec)
        return found

    def _first(self, scope: Scope, party: _Party) -> TargetSpec | None:
        addresses = sorted(party.addresses - self._asked - self._configured)
        specs = (scope.spec_of(address) for address in addresses)
        return next((spec for spec in specs if spec is not None), None)

    def _parties(self) -> list[_Party]:
        parties = []
        for scope, neighbour in self._neighbours:
            chassis, addresses = neighbour.chassis, set(neighbour.addresses)
            physical = chassis.value if chassis.subtype == "mac" else ""
            if chassis.subtype == "address":
                addresses.add(chassis.value)
            elif physical and not addresses:
                addresses |= self._caches.get(physical, set())
            parties.append(_Party(scope, physical, addresses))
        return parties


def _addresses_of(told: Told) -> set[str]:
    """Addresses that are configured on a device."""
    own = (o for o in told.report.observations if o.ci_class == "IPAddress" and o.role == "self")
    return {str(o.attributes["address"]) for o in own if "address" in o.attributes}


def _macs_of(told: Told) -> set[str]:
    """MAC addresses by which others may name a device."""
    own = (o for o in told.report.observations if o.ci_class == "Interface" and o.role == "self")
    found = {str(o.attributes["mac_address"]) for o in own if "mac_address" in o.attributes}
    if told.facts is None:
        return found
    chassis = told.facts.chassis
    return found | {*told.facts.base_macs, *([chassis.value] if chassis and chassis.subtype == "mac" else ())}


def _merged(parties: Sequence[_Party]) -> list[_Party]:
    """One party for each neighbour of a scope: what several devices tell of it under different addresses is one.

    The chassis tells; only where nobody names one do addresses, which two devices may share.
    """
    groups: dict[tuple[str, str], _Party] = {}
    for party in parties:
        names = {party.mac} if party.mac else party.addresses
        same = [groups[party.scope, name] for name in names if (party.scope, name) in groups]
        one = _Party(party.scope, party.mac, party.addresses.union(*(group.addresses for group in same)))
        groups.update({(party.scope, name): one for name in ({party.mac} if party.mac else one.addresses)})
    distinct = {id(group): group for group in groups.values()}
    return sorted(distinct.values(), key=lambda group: (group.scope, group.mac, sorted(group.addresses)))


async def discover_crawling(
    targets: Sequence[Target],
    frontier: Frontier,
    make: Callable[[Sequence[TargetSpec]], Sequence[Target]],
    bounds: Bounds | None = None,
    sweeping: Sweeping | None = None,
) -> AsyncGenerator[TargetResult, None]:
    """As `discover_live`, and on from there to the neighbours that were told of, until there is none left to ask.

    `make` gives the targets that specs mean.
    """
    wave = targets
    while wave:
        async with aclosing(discover_live(wave, bounds, sweeping)) as results:
            async for result in results:
                frontier.note(result)
                yield result
        wave = make(frontier.next())
    if frontier.is_cut:
        detail = f"more than {MOST_FOLLOWED:,} neighbours to follow; narrow the ranges of the scopes that crawl"
        yield TargetResult("crawl", "", State.FAILED, "crawl", "LIMIT", detail)
