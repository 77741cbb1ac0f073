"""Follows neighbours from device to device, within the ranges of the scope that the device belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from collectors.discover import Bounds, State, Target, TargetResult, Told
from collectors.facts import Facts, Neighbour
from collectors.live import discover_live
from collectors.scopes import Scope, Scopes, TargetSpec
from collectors.transport.sweep import Sweeping

MOST_FOLLOWED = 65_536  # addresses in one run: an agent may tell of as many neighbours as it likes


@dataclass
class _Party:
    """One neighbour: the keys that tell it from others, and the addresses at which it may answer."""

    scope: str
    keys: set[str] = field(default_factory=set)


class Frontier:
    """What to ask next. The addresses that follow from what was told do not depend on the order of results."""

    def __init__(self, scopes: Scopes, specs: Iterable[TargetSpec]) -> None:
        self._scopes = {scope.name: scope for scope in scopes.scopes if scope.crawl}
        self._specs = {spec.name: spec for spec in specs}
        self._asked = {spec.address for spec in self._specs.values()}
        self._heard: set[str] = set()  # keys of devices that told something
        self._neighbours: list[tuple[str, Neighbour]] = []  # with the scope in which each was named
        self._caches: dict[str, set[str]] = defaultdict(set)  # addresses by MAC address
        self._followed = 0
        self.is_cut: bool = False

    def note(self, result: TargetResult) -> None:
        """Take in what a target told."""
        spec = self._specs.get(result.target)
        if spec is None or not result.told:
            return
        self._asked |= {told.address for told in result.told if told.address}
        for told in result.told:
            self._heard |= _keys_of(told)
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
            if party.keys & self._heard:
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
        addresses = sorted(key.removeprefix("address:") for key in party.keys if key.startswith("address:"))
        specs = (scope.spec_of(address) for address in addresses if address not in self._asked)
        return next((spec for spec in specs if spec is not None), None)

    def _parties(self) -> list[_Party]:
        parties = []
        for scope, neighbour in self._neighbours:
            chassis, addresses = neighbour.chassis, set(neighbour.addresses)
            if chassis.subtype == "address":
                addresses.add(chassis.value)
            elif chassis.subtype == "mac" and not addresses:
                addresses |= self._caches.get(chassis.value, set())
            keys = {f"address:{address}" for address in addresses}
            if chassis.subtype == "mac":
                keys.add(f"mac:{chassis.value}")
            parties.append(_Party(scope, keys))
        return parties


def _keys_of(told: Told) -> set[str]:
    """What names a device that told something: its addresses and MAC addresses."""
    found = {f"address:{told.address}"} if told.address else set()
    for observation in told.report.observations:
        address, physical = observation.attributes.get("address"), observation.attributes.get("mac_address")
        if observation.role == "self" and observation.ci_class == "IPAddress" and isinstance(address, str):
            found.add(f"address:{address}")
        if observation.role == "self" and observation.ci_class == "Interface" and isinstance(physical, str):
            found.add(f"mac:{physical}")
    if told.facts is not None:
        found |= {f"mac:{mac}" for mac in told.facts.base_macs}
        if told.facts.chassis is not None and told.facts.chassis.subtype == "mac":
            found.add(f"mac:{told.facts.chassis.value}")
    return found


def _merged(parties: Sequence[_Party]) -> list[_Party]:
    """One party for each neighbour of a scope: what several devices tell of it under different addresses is one."""
    groups: dict[tuple[str, str], _Party] = {}
    for party in parties:
        together = {id(g): g for key in party.keys if (g := groups.get((party.scope, key))) is not None}
        keys = party.keys.union(*(group.keys for group in together.values()))
        one = _Party(party.scope, keys)
        groups.update({(party.scope, key): one for key in keys})
    distinct = {id(group): group for group in groups.values()}
    return sorted(distinct.values(), key=lambda group: (group.scope, sorted(group.keys)))


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
