"""Random histories: commits of changes, and beside them the world as it stands after each."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from cmdb.changes import Change, EndRelationship, Facet, NewCI, NewRelationship, SetCI, SetRelationship
from cmdb.store.protocol import CIRecord, RelationshipRecord
from tests.impact.reading import Item, World

ROLES: tuple[list[str], ...] = ([], ["server"], ["switch"], ["router", "server"])
TYPES = (
    ("CONNECTED_TO", ("Interface",), ("Interface", "NetworkDevice", "Computer")),
    ("CONNECTED_TO", ("Interface",), ("Interface",)),
    ("CONNECTED_TO", ("Interface",), ("Interface",)),
    ("ATTACHED_TO", ("Interface", "Computer"), ("Segment",)),
    ("SEEN_ON", ("Computer", "PowerDevice"), ("Interface",)),
    ("MEMBER_OF", ("Interface",), ("Interface",)),
    ("MEMBER_OF", ("Computer", "SoftwareInstance"), ("Cluster",)),
    ("DEPENDS_ON", ("Service", "SoftwareInstance", "Computer"), ("Service", "SoftwareInstance", "Cluster", "Computer")),
    ("CONNECTS_TO", ("SoftwareInstance",), ("SoftwareInstance",)),
    ("POWERED_BY", ("Computer", "NetworkDevice"), ("PowerDevice",)),
    ("COOLED_BY", ("Location",), ("PowerDevice",)),
    ("LOCATED_IN", ("Computer", "NetworkDevice", "PowerDevice"), ("Location",)),
)
CLASSES = {
    "Interface": ("Computer", "NetworkDevice", "Chassis", "PowerDevice"),
    "Chassis": ("NetworkDevice",),
    "Module": ("NetworkDevice", "Computer", "Chassis"),
    "SoftwareInstance": ("Computer",),
    "IPAddress": ("Interface",),
    "Requirement": ("Service", "Computer", "SoftwareInstance"),
}
COMMON = (
    "Interface",
    "Interface",
    "Interface",
    "Computer",
    "NetworkDevice",
    "Requirement",
    "SoftwareInstance",
    "IPAddress",
)
RARE = ("Service", "Segment", "Cluster", "PowerDevice", "Location", "Chassis", "Chassis", "Module", "Module")
ROUTED = ("NetworkDevice", "Interface", "Interface", "IPAddress", "IPAddress", "IPAddress", "Computer")


class History:
    """Draws commits; `world` always shows what they lead to."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.world, self.made = rng, World(), 0
        self.routed = rng.random() < 0.4  # a world of routers and addresses, of which few are named as roots

    def commit(self, changes: int) -> list[Change]:
        """Some changes, already applied to `world`."""
        if self.routed and not self.world.cis:
            return list(self._two_routers())
        return [change for _ in range(changes) if (change := self._change()) is not None]

    def _two_routers(self) -> Iterator[Change]:
        """Two routers in two networks, and somebody else in each: what follows may tear it down."""
        networks = [self._make("Subnet", "") for _ in range(2)]
        yield from networks
        for _ in range(2):
            yield (router := self._make("NetworkDevice", ""))
            for network in networks:
                yield (port := self._make("Interface", router.id))
                for parent in (port.id, ""):
                    yield (address := self._make("IPAddress", parent))
                    self.world.relationships[(address.id, "IN_SUBNET", network.id)] = {}
                    yield NewRelationship(address.id, "IN_SUBNET", network.id, {}, {})

    def _change(self) -> Change | None:
        draw = self.rng.random()
        if draw < 0.35 or len(self.world.cis) < 6:
            return self._new_ci()
        if draw < 0.5:
            return self._set_ci()
        if draw < 0.9:
            return self._relate()
        return self._end()

    def _some(self, classes: tuple[str, ...]) -> str | None:
        fitting = [ci for ci, item in self.world.cis.items() if item.ci_class in classes]
        return self.rng.choice(fitting) if fitting else None

    def _new_ci(self) -> Change | None:
        common, rare = (ROUTED, ("Subnet",)) if self.routed else (COMMON, RARE)
        ci_class = self.rng.choice(common if self.rng.random() < 0.7 else rare)
        parent = ""
        is_alone = ci_class == "IPAddress" and self.rng.random() < 0.3  # one that was only seen in tables
        if ci_class in CLASSES and not is_alone and not (parent := self._some(CLASSES[ci_class]) or ""):
            return None
        return self._make(ci_class, parent)

    def _make(self, ci_class: str, parent: str) -> NewCI:
        self.made += 1
        ci = f"c{self.made}"
        item = Item(ci_class, parent, "in_service", self._attributes(ci_class), self._origin())
        self.world.cis[ci] = item
        attributes = {"name": ci, **item.attributes}
        return NewCI(ci, ci_class, parent, ci, item.status, attributes, (), {item.origin: Facet(0, "")}, 0)

    def _origin(self) -> str:
        return self.rng.choice(("manual/desk", "snmp/core-1"))

    def _attributes(self, ci_class: str) -> dict[str, Any]:
        rng, found = self.rng, {}
        if ci_class in ("NetworkDevice", "Computer"):
            roles = ["switch"] if ci_class == "NetworkDevice" and rng.random() < 0.5 else rng.choice(ROLES)
            found = {"roles": roles} if roles else {}
            if self.routed and ci_class == "NetworkDevice" and rng.random() < 0.6:
                found["roles"] = ["router"]
            if rng.random() < (0.02 if self.routed else 0.3):
                found["root_of"] = rng.choice((["lan"], ["lan", "san"], ["san"]))
        if ci_class == "Subnet":
            found = {"prefix": f"10.0.0.0/{rng.choice((2, 22, 24))}"}
        if ci_class == "Module" and rng.random() < 0.8:
            found = {"kind": rng.choice(("power_supply", "power_supply", "fan"))}
        if ci_class == "Cluster":
            found = {"kind": rng.choice(("capacity", "quorum", "standby"))}
            if rng.random() < 0.4:
                found["needed"] = rng.randint(1, 3)
        if ci_class == "SoftwareInstance" and rng.random() < 0.6:
            found = {"product": rng.choice(("nginx", "postgresql"))}
        if ci_class == "Requirement":
            on_loss, passes = rng.choice(("none", "at_risk", "degraded")), rng.choice(("never", "needed", "any"))
            found = {"needed": rng.randint(1, 3), "on_loss": on_loss, "pass": passes}
        return found

    def _set_ci(self) -> Change:
        device = self._some(("Computer", "NetworkDevice")) if self.rng.random() < 0.5 else None
        ci = device or self.rng.choice(list(self.world.cis))
        item = self.world.cis[ci]
        if self.rng.random() < 0.5:
            item.attributes = self._attributes(item.ci_class)
        else:
            item.status = self.rng.choice(("in_service", "in_service", "missing", "retired"))
        attributes = {"name": ci, **item.attributes}
        return SetCI(ci, item.ci_class, item.status, {}, (), attributes, {item.origin: Facet(0, "")})

    def _relate(self) -> Change | None:
        rng = self.rng
        type_, sources, targets = rng.choice(TYPES)
        attributes: dict[str, Any] = {}
        if self.routed and rng.random() < 0.7:
            type_, sources, targets = "IN_SUBNET", ("IPAddress",), ("Subnet",)
        elif rng.random() < 0.2:
            type_, sources = "PROVIDED_BY", ("Requirement",)
            targets = ("Interface", "Computer", "NetworkDevice", "SoftwareInstance", "Segment", "Cluster")
            attributes = {"weight": rng.randint(1, 2)} if rng.random() < 0.5 else {}
            if rng.random() < 0.4:
                attributes["connected"] = rng.choice(("lan", "lan", "san"))
        source, target = self._some(sources), self._some(targets)
        if source is None or target is None or source == target:
            return None
        if type_ == "CONNECTED_TO":
            source, target = sorted((source, target))
            attributes = {"internal": True} if rng.random() < 0.1 else {}
        if type_ == "DEPENDS_ON" and rng.random() < 0.6:
            attributes = {"group_key": rng.choice(("web", "data"))}
        if type_ == "CONNECTS_TO" and rng.random() < 0.7:
            attributes = {"port": rng.choice(([80], [5432, 5433]))}
        known = (source, type_, target) in self.world.relationships
        self.world.relationships[(source, type_, target)] = attributes
        return (SetRelationship if known else NewRelationship)(source, type_, target, attributes, {})

    def _end(self) -> Change | None:
        if not self.world.relationships:
            return None
        key = self.rng.choice(list(self.world.relationships))
        del self.world.relationships[key]
        return EndRelationship(*key)


def ci_records(world: World) -> Iterator[CIRecord]:
    """The world's CIs as a store gives them."""
    for ci, item in world.cis.items():
        facets = {item.origin: Facet(0, "")}
        yield CIRecord(ci, item.ci_class, ci, item.status, 1, 0, item.parent, ci, dict(item.attributes), (), facets, {})


def relationship_records(world: World) -> Iterator[RelationshipRecord]:
    """The world's relationships as a store gives them, ties included."""
    for source, type_, target, attributes in world.all_relationships():
        yield RelationshipRecord(source, type_, target, attributes, {}, 0, {})
