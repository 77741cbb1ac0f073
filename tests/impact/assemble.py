"""Topologies for tests: from a plain estate, past the rules, or from records, through them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cmdb.model.registry import load_model
from cmdb.topology import Topology
from cmdb.topology.facts import NO_PARENT, NONE, Node
from cmdb.topology.live import Group, conn, providers
from cmdb.topology.plane import Fabric
from tests.impact.estate import Estate
from tests.impact.history import ci_records, relationship_records
from tests.impact.reading import Item, World


def assemble(estate: Estate, classes: dict[str, str] | None = None) -> Topology:
    """A topology with exactly these groups and planes; CIs are of class Computer unless `classes` says otherwise.

    Groups are called by their position (`g0`), CIs by their id.
    """
    model: Any = SimpleNamespace(version="plain", classes={}, relationship_types={})
    topology = Topology(model)
    live, number = topology.live, {}
    for ci in estate.cis:
        ci_class = (classes or {}).get(ci, "Computer")
        number[ci] = topology.facts.set_node(Node(ci, ci_class, ci, "in_service", NO_PARENT, NONE))
    live.planes.clear()
    plane_number = {}
    for name, ground in estate.planes.items():
        fabric = Fabric()
        plane = live.add_plane(name, fabric)
        plane_number[name] = plane.number
        for ci in sorted(ground.members):
            fabric.add(number[ci])
        for link in sorted(ground.links, key=sorted):
            a, b = sorted(link)
            fabric.link(number[a], number[b])
        plane.set_roots(number[ci] for ci in sorted(ground.roots))
    for position, need in enumerate(estate.needs):
        owner = number[need.owner]
        weights = providers(
            (
                (number[lit] if isinstance(lit, str) else conn(plane_number[lit[0]], number[lit[1]]), weight)
                for lit, weight in need.mentions
            ),
            owner,
        )
        live.put(Group(f"g{position}", owner, need.needed, weights, need.on_loss, need.passes))
    return topology


def from_world(world: World, sequence: int = 1, at: int = 0) -> Topology:
    """A topology loaded from the records of a world, by the rules of the built-in model."""
    topology = Topology(load_model())
    topology.load(ci_records(world), relationship_records(world), sequence, at)
    return topology


def world(*cis: str, **relationships: str) -> World:
    """A world from short texts: `world("sw:NetworkDevice roles=switch", "p:Interface@sw", CONNECTED_TO="p-q r-s")`.

    A CI is `id:Class`, with `@parent` if it is part of another, then attributes; `!status` sets the status. Values
    that are numbers become numbers, `roles` and `root_of` lists.
    """
    made = World()
    for text in cis:
        head, *rest = text.split()
        id_, _, kind = head.partition(":")
        ci_class, _, parent = kind.partition("@")
        item = made.cis[id_] = Item(ci_class, parent)
        for word in rest:
            if word.startswith("!"):
                item.status = word[1:]
            else:
                name, _, value = word.partition("=")
                is_list = name in ("roles", "root_of")
                item.attributes[name] = [value] if is_list else int(value) if value.isdigit() else value
    made.cis = {id_: made.cis[id_] for id_ in sorted(made.cis, key=lambda ci: _depth(made, ci))}
    for type_, pairs in relationships.items():
        for pair in pairs.split():
            ends, _, attribute = pair.partition("/")
            source, target = ends.split("-")
            name, _, value = attribute.partition("=")
            attributes = {name: int(value) if value.isdigit() else value} if name else {}
            made.relationships[(source, type_, target)] = attributes
    return made


def _depth(made: World, ci: str) -> int:
    """How many CIs it is inside of; parents come first in a store's records."""
    parent = made.cis[ci].parent
    return 1 + _depth(made, parent) if parent else 0
