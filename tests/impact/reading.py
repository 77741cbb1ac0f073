"""A second, plain reading of the rules: from CIs and relationships to an estate, everything afresh each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cmdb.model.registry import Model
from tests.impact.estate import Estate, Ground, Literal, Need

FORWARDING = {"switch", "router", "firewall", "access_point", "load_balancer"}
PARTS = {"Chassis", "Module", "Interface"}
TIES = {
    "Chassis": ("CONTAINS", True),
    "Module": ("CONTAINS", True),
    "Interface": ("CONTAINS", True),
    "IPAddress": ("HAS_ADDRESS", True),
    "SoftwareInstance": ("RUNS_ON", False),
    "Requirement": ("HAS_REQUIREMENT", True),
}


@dataclass
class Item:
    """One CI."""

    ci_class: str
    parent: str = ""
    status: str = "in_service"
    attributes: dict[str, Any] = field(default_factory=dict)
    origin: str = "manual/desk"


@dataclass
class World:
    """All CIs by id, and relationships by (source, type, target), ties to parents left out."""

    cis: dict[str, Item] = field(default_factory=dict)
    relationships: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    def tie(self, ci: str) -> tuple[str, str, str] | None:
        """The tie of a dependent to its parent."""
        item = self.cis[ci]
        if not item.parent:
            return None
        type_, from_parent = TIES[item.ci_class]
        return (item.parent, type_, ci) if from_parent else (ci, type_, item.parent)

    def all_relationships(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        for (source, type_, target), attributes in self.relationships.items():
            yield source, type_, target, attributes
        for ci in self.cis:
            if (tie := self.tie(ci)) is not None:
                yield (*tie, {})


class Reading:
    """What a world means."""

    def __init__(self, world: World, model: Model) -> None:
        self.world, self.model = world, model
        self.named: dict[str, Need] = {}
        self.origins: dict[str, str] = {}
        planes = {"lan"} | {p for item in world.cis.values() for p in item.attributes.get("root_of", ())}
        planes |= {a["connected"] for a in world.relationships.values() if "connected" in a}
        self.planes = {name: self._ground(name) for name in planes}
        for owner in world.cis:
            self._read(owner)
        users = [ci for ci, item in world.cis.items() if item.ci_class != "Requirement"]
        self.estate = Estate(users, list(self.named.values()), self.planes)

    # ---- who is who
    def there(self, ci: str) -> bool:
        return self.world.cis[ci].status != "retired"

    def device(self, ci: str) -> str:
        item = self.world.cis[ci]
        return self.device(item.parent) if item.ci_class in PARTS and item.parent else ci

    def forwards(self, ci: str) -> bool:
        return self.there(ci) and bool(FORWARDING & set(self.world.cis[ci].attributes.get("roles", ())))

    def cabled_to(self, ci: str) -> set[str]:
        found = set()
        for (source, type_, target), attributes in self.world.relationships.items():
            if type_ in ("CONNECTED_TO", "ATTACHED_TO") and not attributes.get("internal") and ci in (source, target):
                far = target if ci == source else source
                if self.there(far):
                    found.add(far)
        return found

    def transit(self, ci: str) -> bool:
        if not self.there(ci):
            return False
        if self.world.cis[ci].ci_class == "Interface":
            return self.forwards(self.device(ci)) or bool(self.cabled_to(ci))
        return self.world.cis[ci].ci_class == "Segment" or self.forwards(ci)

    def _ground(self, plane: str) -> Ground:
        ground = Ground({ci for ci in self.world.cis if self.transit(ci)})
        for ci in ground.members:
            item, device = self.world.cis[ci], self.device(ci)
            ground.links |= {frozenset((ci, far)) for far in self.cabled_to(ci) & ground.members if far != ci}
            if item.ci_class == "Interface" and self.forwards(device):
                ground.links.add(frozenset((ci, device)))
            through = self.world.cis[device].attributes.get("root_of", ()) if self.there(device) else ()
            named = item.attributes.get("root_of", ())
            if plane in named or (plane in through and not self.forwards(device)):
                ground.roots.add(ci)
        if plane == "lan" and not any(self.there(ci) and "lan" in self.said(ci) for ci in self.world.cis):
            ground.roots |= self.gateways()
        return ground

    def said(self, ci: str) -> Any:
        return self.world.cis[ci].attributes.get("root_of", ())

    def gateways(self) -> set[str]:
        """Routers with addresses in two networks where others have other ones; if any, those also that nobody read."""
        homes: dict[str, dict[str, set[str]]] = {}
        for address, type_, network in self.world.relationships:
            narrow = int(self.world.cis[network].attributes.get("prefix", "/32").rpartition("/")[2]) >= 8
            on = self.world.cis[address].parent
            where = self.device(on) if on and self.there(on) else ""
            if type_ == "IN_SUBNET" and self.there(address) and self.there(network) and narrow:
                homes.setdefault(where, {}).setdefault(network, set()).add(address)
        found, unread = set(), set()
        for ci, item in self.world.cis.items():
            routes = {"router", "firewall"} & set(item.attributes.get("roles", ()))
            if item.ci_class == "NetworkDevice" and self.there(ci) and routes:
                own = homes.get(ci, {})
                shared = [n for n in own if self._in(n) - own[n]]
                found |= {ci} if len(shared) >= 2 else set()
                unread |= set() if own else {ci}
        return found | unread if found else set()

    def _in(self, network: str) -> set[str]:
        """Addresses that are there in a network; in these worlds each has one name."""
        return {s for s, type_, t in self.world.relationships if (type_, t) == ("IN_SUBNET", network) and self.there(s)}

    # ---- who needs whom
    def _read(self, owner: str) -> None:
        if not self.there(owner) or self.world.cis[owner].ci_class == "Requirement":
            return
        stated, replaced = self._stated(owner)
        for id_, (need, providers) in self._defaults(owner).items():
            if not providers & replaced:
                self.named[id_], self.origins[id_] = need, "DEFAULT"
        self.named |= stated

    def _stated(self, owner: str) -> tuple[dict[str, Need], set[str]]:
        found, replaced = {}, set()
        for ci, item in self.world.cis.items():
            if item.ci_class != "Requirement" or item.parent != owner or item.status in ("missing", "retired"):
                continue
            mentions: list[tuple[Literal, int]] = []
            for (source, type_, target), attributes in self.world.relationships.items():
                if source == ci and type_ == "PROVIDED_BY" and target != owner:
                    replaced.add(target)
                    if self.there(target):
                        literal = self._literal(target, attributes.get("connected"))
                        mentions.append((literal, attributes.get("weight", 1)))
            a = item.attributes
            found[ci] = Need(owner, a["needed"], tuple(mentions), a["on_loss"].upper(), a["pass"].upper())
            self.origins[ci] = "MANUAL" if item.origin.startswith("manual") else "DISCOVERED"
        return found, replaced

    def _defaults(self, owner: str) -> dict[str, tuple[Need, set[str]]]:
        rules: dict[str, Any] = {}
        members: dict[str, dict[str, int]] = {}
        for source, type_, target, attributes in (*self.world.all_relationships(), *self._through_chassis(owner)):
            if owner not in (source, target) or source == target:
                continue
            found = self._rule(source, type_, target, "source" if owner == source else "target")
            if found is None:
                continue
            number, rule = found
            provider = target if owner == source else source
            if self.world.cis[provider].ci_class == "Requirement":
                continue
            if rule.connected and self.world.cis[owner].ci_class == "PowerDevice":
                continue
            id_ = f"req:{owner}:{type_}:{self._key(rule, number, provider, attributes)}"
            rules[id_] = rule
            members.setdefault(id_, {})[provider] = attributes.get("weight", 1)
        out = {id_: self._default(owner, rules[id_], weights) for id_, weights in members.items()}
        ports = self._ports(owner)
        if ports:
            mentions = tuple((("lan", port), 1) for port in sorted(ports))
            out[f"req:{owner}:CONNECTED_TO:lan"] = (Need(owner, 1, mentions, "AT_RISK", "NEEDED"), ports)
        return out

    def _through_chassis(self, owner: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """What is in a chassis is in the device, too."""
        box = self.world.cis[self.world.cis[owner].parent or owner]
        if box.ci_class == "Chassis" and box is not self.world.cis[owner] and box.parent:
            yield box.parent, "CONTAINS", owner, {}

    def _rule(self, source: str, type_: str, target: str, side: str) -> tuple[int, Any] | None:
        owner, provider = (source, target) if side == "source" else (target, source)
        for number, rule in enumerate(self.model.relationship_types[type_].impact):
            if rule.owner != side:
                continue
            facts = {
                "source_class": self.world.cis[source].ci_class,
                "target_class": self.world.cis[target].ci_class,
                "owner_kind": self.world.cis[owner].attributes.get("kind"),
                "provider_kind": self.world.cis[provider].attributes.get("kind"),
            }
            if all(facts[name] in wanted for name, wanted in rule.when.items()):
                return (number, rule) if rule.group != "none" else None
        return None

    def _key(self, rule: Any, number: int, provider: str, attributes: dict[str, Any]) -> str:
        if rule.group == "each":
            return provider
        if rule.group == "all":
            return f"all{number}" if number else "all"
        sides = {"relationship": attributes, "provider": self.world.cis[provider].attributes}
        values = [sides[side].get(name) for side, name in (text.split(".") for text in rule.group)]
        texts = ["+".join(map(str, sorted(v))) if isinstance(v, list) else "" if v is None else str(v) for v in values]
        return "=" + ",".join(texts) if any(texts) else provider

    def _default(self, owner: str, rule: Any, weights: dict[str, int]) -> tuple[Need, set[str]]:
        mentions = tuple(
            (self._literal(ci, rule.connected), weight) for ci, weight in weights.items() if self.there(ci)
        )
        total = sum(weight for _, weight in mentions)
        spare = max((weight for _, weight in mentions), default=0)
        stated = self.world.cis[owner].attributes.get("needed")
        needed = {
            "all": total,
            "all_but_one": total - spare,
            "majority": total // 2 + 1,
            "attribute": stated or total - spare,
        }.get(rule.needed, rule.needed)
        on_loss, passes = rule.on_loss.upper(), rule.pass_.upper()
        return Need(owner, max(1, needed), mentions, on_loss, passes), set(weights)

    def _literal(self, ci: str, plane: str | None) -> Literal:
        in_no_plane = self.world.cis[ci].ci_class not in ("Interface", "Segment") and not self.forwards(ci)
        if not plane or (plane == "lan" and in_no_plane):
            return ci
        return (plane, ci)

    def _ports(self, owner: str) -> set[str]:
        """Ports of what does not forward; power equipment works without its network."""
        ci_class = self.world.cis[owner].ci_class
        if ci_class in PARTS | {"Segment", "PowerDevice"} or self.forwards(owner):
            return set()
        own = {
            ci
            for ci, item in self.world.cis.items()
            if item.ci_class == "Interface" and self.there(ci) and self.device(ci) == owner and self.cabled_to(ci)
        }
        return own | {far for far in self.cabled_to(owner) if self.world.cis[far].ci_class in ("Interface", "Segment")}
