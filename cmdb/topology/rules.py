"""From facts to requirement groups: the groups that one CI owns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cmdb.observation import Value, split_origin
from cmdb.topology.facts import NO_PARENT, NONE, End, Facts, Node
from cmdb.topology.live import Counts, Group, conn, providers
from cmdb.topology.plane import LAN
from cmdb.topology.policy import (
    CHASSIS,
    INSIDE,
    INTERFACE,
    NEEDS_NO_NETWORK,
    ON_LOSS,
    PASS,
    PROVIDED_BY,
    REQUIREMENT,
    SEGMENT,
    Rule,
)

PlaneNumber = Callable[[str], int]
Members = list[tuple[int, Mapping[str, Value]]]
NO_ENDS: dict[End, Mapping[str, Value]] = {}


def groups_of(facts: Facts, plane_number: PlaneNumber, owner: int, without: int = -1) -> dict[str, Group]:
    """All requirement groups of a CI by id: what was stated about it, then the defaults nobody replaced.

    One of those stated is passed over: `without`.
    """
    node = facts.nodes[owner]
    if not node.is_there or node.ci_class == REQUIREMENT:
        return {}
    stated: dict[str, Group] = {}
    pairs: set[int] = set()
    for child in facts.children.get(owner, ()):
        if facts.nodes[child].ci_class == REQUIREMENT and facts.nodes[child].is_there and child != without:
            group, named = _stated(facts, plane_number, owner, child)
            stated[group.id] = group
            pairs |= named
    for group, named in _defaults(facts, plane_number, owner):
        if pairs.isdisjoint(named):
            stated[group.id] = group
    return stated


def _stated(facts: Facts, plane_number: PlaneNumber, owner: int, requirement: int) -> tuple[Group, set[int]]:
    """The group of a Requirement CI, and the providers it names."""
    node = facts.nodes[requirement]
    weights, gone, named = [], [], set()
    for (type_, provider, _), attributes in facts.ends.get(requirement, {}).items():
        if type_ != PROVIDED_BY or provider == owner:
            continue
        named.add(provider)
        if facts.nodes[provider].is_there:
            plane = attributes.get("connected")
            literal = literal_of(facts, plane_number, provider, plane if isinstance(plane, str) else "")
            weights.append((literal, _whole(attributes.get("weight"), 1)))
        else:
            gone.append(provider)
    is_manual = any(split_origin(origin)[0].partition(":")[0] == "manual" for origin in node.origins)
    group = Group(
        node.id,
        owner,
        _whole(node.values.get("needed"), 1),
        providers(weights, owner),
        ON_LOSS.get(node.values.get("on_loss"), "AT_RISK"),
        PASS.get(node.values.get("pass"), "NEEDED"),
        "MANUAL" if is_manual else "DISCOVERED",
        tuple(sorted(gone)),
    )
    return group, named


def _defaults(facts: Facts, plane_number: PlaneNumber, owner: int) -> Iterator[tuple[Group, set[int]]]:
    """The groups that follow from relationship types, each with the providers it names."""
    buckets: dict[tuple[str, str], tuple[Rule, Members]] = {}
    node = facts.nodes[owner]
    for (type_, other, outgoing), attributes in _ends(facts, owner):
        far = facts.nodes[other]
        source, target = (node, far) if outgoing else (far, node)
        kinds = (source.values.get("kind"), target.values.get("kind"))
        rule = facts.policy.rule(type_, outgoing, (source.ci_class, target.ci_class), kinds)
        if rule is None or other == owner or far.ci_class in facts.policy.internal:
            continue
        if rule.connected and node.ci_class in NEEDS_NO_NETWORK:
            continue
        key = _group_key(rule, far, attributes)
        buckets.setdefault((type_, key), (rule, []))[1].append((other, attributes))
    for (type_, key), (rule, members) in buckets.items():
        yield _default(facts, plane_number, owner, f"req:{node.id}:{type_}:{key}", rule, members)
    ports = _ports(facts, owner)
    if ports:
        lan = plane_number(LAN)
        weights = providers(((conn(lan, port), 1) for port in ports), owner)
        yield Group(f"req:{node.id}:CONNECTED_TO:{LAN}", owner, 1, weights, "AT_RISK", "NEEDED"), ports


def _ends(facts: Facts, owner: int) -> Iterator[tuple[End, Mapping[str, Value]]]:
    """Relationships of a CI that may make it an owner, the tie to its parent included.

    A chassis does not need the device that it carries; what is in it does, as if it were in the device itself.
    """
    yield from facts.ends.get(owner, NO_ENDS).items()
    node, policy = facts.nodes[owner], facts.policy
    if node.parent != NO_PARENT:
        type_, from_parent = policy.tie(node.ci_class)
        yield (type_, node.parent, not from_parent), NONE
        above = facts.nodes[node.parent]
        if above.ci_class == CHASSIS and above.parent != NO_PARENT:
            yield (type_, above.parent, not from_parent), NONE
    for child in facts.children.get(owner, ()):
        if policy.carries(facts.nodes[child].ci_class):
            type_, from_parent = policy.tie(facts.nodes[child].ci_class)
            yield (type_, child, from_parent), NONE


def _default(
    facts: Facts, plane_number: PlaneNumber, owner: int, id_: str, rule: Rule, members: Members
) -> tuple[Group, set[int]]:
    there = [(ci, _whole(attributes.get("weight"), 1)) for ci, attributes in members if facts.nodes[ci].is_there]
    weights = providers(((literal_of(facts, plane_number, ci, rule.connected), weight) for ci, weight in there), owner)
    gone = tuple(sorted(ci for ci, _ in members if not facts.nodes[ci].is_there))
    needed, counts = _needed(rule, facts.nodes[owner], [weight for _, weight in weights])
    group = Group(id_, owner, needed, weights, rule.on_loss, rule.passes, "DEFAULT", gone, counts)
    return group, {ci for ci, _ in members}


def _needed(rule: Rule, owner: Node, weights: list[int]) -> tuple[int, Counts]:
    """How much a default group needs; with no provider left it needs one all the same, and is a defect."""
    total = sum(weights)
    if isinstance(rule.needed, int):
        return rule.needed, "FIXED"
    if rule.needed == "all":
        return max(1, total), "ALL"
    if rule.needed == "majority":
        return total // 2 + 1, "MAJORITY"
    if rule.needed == "attribute" and (stated := _whole(owner.values.get("needed"), 0)):
        return stated, "FIXED"
    return max(1, total - max(weights, default=0)), "ALL_BUT_ONE"  # the spare is the heaviest


def _group_key(rule: Rule, provider: Node, attributes: Mapping[str, Value]) -> str:
    """The last part of a default group's id: relationships with the same one make one group."""
    if rule.group == "each":
        return provider.id
    if isinstance(rule.group, str):
        return rule.name
    values = []
    for side, name in rule.group:
        value = attributes.get(name) if side == "relationship" else _attribute(provider, name)
        values.append(_plain(value))
    return "=" + ",".join(values) if any(values) else provider.id


def _attribute(node: Node, name: str) -> Value:
    return node.name if name == "name" else node.values.get(name)


def _plain(value: Value) -> str:
    """A value as part of an id; no two different lists of values give the same text."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "+".join(sorted(_plain(v) for v in value))
    return str(value).replace("%", "%25").replace(",", "%2C").replace("+", "%2B").replace(":", "%3A")


def literal_of(facts: Facts, plane_number: PlaneNumber, ci: int, plane: str) -> int:
    """What must be true of a provider.

    A device that does not forward is in no plane itself; its own requirement for a connected port already says
    whether it is in the LAN, so there "connected" means "up".
    """
    if not plane:
        return ci
    node = facts.nodes[ci]
    if plane == LAN and not node.forwards and node.ci_class not in (INTERFACE, SEGMENT):
        return ci
    return conn(plane_number(plane), ci)


def _ports(facts: Facts, owner: int) -> set[int]:
    """Ports whose connectivity a device needs that does not forward: its cabled ones, and those cabled to it whole."""
    node = facts.nodes[owner]
    if node.ci_class in INSIDE or node.ci_class == SEGMENT or node.ci_class in NEEDS_NO_NETWORK or node.forwards:
        return set()
    ports = {port for port in facts.interfaces(owner) if any(True for _ in facts.cables(port))}
    return ports | {far for far in facts.cables(owner) if facts.nodes[far].ci_class in (INTERFACE, SEGMENT)}


def _whole(value: Value, otherwise: int) -> int:
    """A number of zero or more, whatever was stored."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(0, int(value)) if is_number else otherwise
