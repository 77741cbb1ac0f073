"""Requirements, planes and findings as others read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from cmdb.store.protocol import CIRef
from cmdb.topology.facts import NO_PARENT, Facts
from cmdb.topology.gateways import reason
from cmdb.topology.live import Group, Live, OnLoss, Origin, Pass, ci_of, conn, plane_of
from cmdb.topology.plane import LAN
from cmdb.topology.witnesses import Tie
from cmdb.wording import part_title

MOST_LISTED = 5  # names in a sentence

FindingKind = Literal["WAIVED", "NEEDS_TOO_MUCH", "PLANE_WITHOUT_ROOT", "PROVIDER_GONE", "STALE_EVIDENCE"]


class Provider(msgspec.Struct, frozen=True):
    """One provider in a requirement; it must be up or, with `connected`, have a path to a root of that plane."""

    ci: CIRef
    weight: int
    connected: str | None


class Requirement(msgspec.Struct, frozen=True):
    """A k-of-n group that must hold for `owner` to work. `name` is that under which it was stated, "" for a default.

    `holds` is False if it does not with everything up: it is waived then. `evidence` are the origins
    (`source/target`) that say it, empty for a default.
    """

    id: str
    owner: CIRef
    needed: int
    total: int
    providers: tuple[Provider, ...]
    on_loss: OnLoss
    pass_: Pass
    origin: Origin
    holds: bool
    evidence: tuple[str, ...]
    name: str = ""


class PlaneView(msgspec.Struct, frozen=True):
    """A plane and its roots; without roots it is not judged.

    They are stated, or found by a rule where none is; `why` tells for each root what speaks for it.
    """

    name: str
    roots: tuple[CIRef, ...]
    is_stated: bool = True
    why: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """A defect of the data that bears on impact."""

    ci: CIRef
    kind: FindingKind
    text: str


def ref(facts: Facts, ci: int) -> CIRef:
    """A CI, named."""
    node = facts.nodes[ci]
    return CIRef(node.id, node.ci_class, node.name)


def title(facts: Facts, ci: int) -> str:
    """What a CI is called in a table: a part with what it is part of, unless its name says that."""
    node = facts.nodes[ci]
    if node.parent == NO_PARENT:
        return node.name
    above = node
    while above.parent != NO_PARENT:
        above = facts.nodes[above.parent]
    return part_title(node.name, above.name)


def requirement_view(facts: Facts, live: Live, group: Group) -> Requirement:
    """A group as others read it."""
    number = facts.numbers.get(group.id, -1)
    return Requirement(
        group.id,
        ref(facts, group.owner),
        group.needed,
        group.total,
        tuple(Provider(ref(facts, ci_of(lit)), weight, plane_name(live, lit)) for lit, weight in group.providers),
        group.on_loss,
        group.passes,
        group.origin,
        group.holds,
        facts.nodes[number].origins if number >= 0 else (),
        facts.nodes[number].name if number >= 0 else "",
    )


def plane_view(facts: Facts, name: str) -> PlaneView:
    """A plane as others read it, its roots by name."""
    stated = facts.rooted.get(name, set())
    found = facts.gateways.roots() if name == LAN and not stated else ()
    roots = sorted(stated or found, key=lambda ci: (facts.nodes[ci].name, facts.nodes[ci].id))
    standing = facts.gateways.standing
    why = ["root_of says so" if stated else reason(facts.nodes, standing.get(ci, ()), listed) for ci in roots]
    return PlaneView(name, tuple(ref(facts, ci) for ci in roots), bool(stated) or not roots, tuple(why))


def plane_name(live: Live, literal: int) -> str | None:
    """Plane of a literal; None for "is up"."""
    return None if literal >= 0 else live.planes[plane_of(literal)].name


def finding_views(facts: Facts, live: Live, group: Group) -> Iterator[Finding]:
    """What is wrong with a group, missing providers included."""
    owner = ref(facts, group.owner)
    if group.needed > group.total:
        text = f"{owner.name} needs {group.needed}, but all its providers together weigh {group.total}"
        yield Finding(owner, "NEEDS_TOO_MUCH", f"{text}; the requirement was waived ({group.id})")
    elif not group.holds:
        dark = [facts.nodes[ci_of(lit)].name for lit, _ in group.providers if not live.is_alive(lit)]
        text = f"{owner.name} needs {group.needed} of {group.total}, but with everything up only {group.up} holds"
        yield Finding(owner, "WAIVED", f"{text}: no path from {listed(dark)}; the requirement was waived ({group.id})")
    for ci in group.gone:
        text = f"{owner.name} relies on {facts.nodes[ci].name}, which is retired"
        yield Finding(owner, "PROVIDER_GONE", f"{text} ({group.id})")
    for literal, _ in group.providers:
        if facts.nodes[ci_of(literal)].status == "missing":
            name = facts.nodes[ci_of(literal)].name
            text = f"{owner.name} relies on {name}, which is missing; it counts as up until it is retired ({group.id})"
            yield Finding(owner, "PROVIDER_GONE", text)


def stale_view(facts: Facts, owner: int, ties: Iterable[Tie]) -> Finding:
    """That an answer about a CI hangs on relationships in doubt."""
    near = ref(facts, owner)
    names = [f"{type_} {_far_name(facts, owner, source, target)}" for source, type_, target in sorted(ties)]
    text = f"nobody confirmed in time what {near.name} needs: {listed(names)}; what hangs on that is possible, not sure"
    return Finding(near, "STALE_EVIDENCE", text)


def _far_name(facts: Facts, owner: int, source: int, target: int) -> str:
    """The end of a relationship that is not part of its owner."""
    near = {owner, *(ci for ci in (source, target) if facts.nodes[ci].parent == owner)}
    return facts.nodes[source if target in near else target].name


def all_findings(facts: Facts, live: Live) -> Iterator[Finding]:
    """Planes that nobody can judge, then what is wrong with any group that is waived or lost a provider for good, by
    the owner's name.
    """
    nodes = facts.nodes
    yield from _unknown_planes(facts, live)
    for owner in sorted(live.defects, key=lambda ci: (nodes[ci].name, nodes[ci].id)):
        for group in sorted(live.defects[owner], key=lambda g: g.id):
            yield from finding_views(facts, live, group)


def _unknown_planes(facts: Facts, live: Live) -> Iterator[Finding]:
    """Planes without roots in which somebody must be connected, at the first of those who need it."""
    nodes = facts.nodes
    for plane in live.planes:
        if plane.roots or not plane.watched:
            continue
        owners = {group.owner for ci in plane.watched for group in live.serves.get(conn(plane.number, ci), ())}
        first = min(owners, key=lambda ci: (nodes[ci].name, nodes[ci].id))
        text = f"plane {plane.name} has no root, so the paths that {nodes[first].name} needs are not judged"
        more = f", nor those of {len(owners) - 1:,} more" if len(owners) > 1 else ""
        yield Finding(ref(facts, first), "PLANE_WITHOUT_ROOT", f"{text}{more}; set root_of on its gateways")


def listed(names: list[str], most: int = MOST_LISTED, more: int = 0) -> str:
    """Names in a sentence: the first few, and how many more; `more` of them are not among the names."""
    more += len(names[most:])
    shown = names[:most] + ([f"{more} more"] if more else [])
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
