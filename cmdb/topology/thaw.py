"""A topology over a snapshot: facts and requirements are read from there when somebody asks for them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec

from cmdb.observation import Value
from cmdb.topology.census import Nodes
from cmdb.topology.facts import NONE, End, Facts, Node
from cmdb.topology.gateways import Gateways
from cmdb.topology.live import Group, Live, ci_of, plane_of
from cmdb.topology.plane import Fabric
from cmdb.topology.policy import Policy
from cmdb.topology.tables import ById, Listed, Numbers, Rows, Table, ints

Sections = Mapping[str, memoryview]
_decode = msgspec.msgpack.Decoder().decode


class Groups(Listed[Group]):
    """Requirements of a snapshot, and what became of them, with owner and slack of those of the snapshot."""

    def __init__(self, table: Table, owners: memoryview, slacks: memoryview) -> None:
        super().__init__(len(table), self._group, table, is_kept=True)
        self.owners, self.slacks = owners, slacks

    def _group(self, number: int) -> Group:
        row = self.table.row(number)
        id_, owner, needed, flat, on_loss, passes, origin, gone, counts, up = _decode(row)
        weights = tuple(zip(flat[::2], flat[1::2], strict=True))
        group = Group(id_, owner, needed, weights, on_loss, passes, origin, tuple(gone), counts)
        group.number = number
        group.weigh(up)
        return group


class Served(Rows[dict[Group, int]]):
    """What literals provide."""

    def __init__(self, table: Table, keys: memoryview, connected: Table, numbered: Groups) -> None:
        def row_of(row: memoryview) -> dict[Group, int]:
            flat = ints(row, "q")
            return {numbered[number]: weight for number, weight in zip(flat[::2], flat[1::2], strict=True)}

        super().__init__(table, row_of)
        self.literals, self.conn_table = keys, connected

    def connected(self) -> Iterator[tuple[int, memoryview]]:
        """Rows of the snapshot for literals of connectivity."""
        return ((literal, self.conn_table.row(at)) for at, literal in enumerate(self.literals))

    def _row(self, key: int) -> memoryview | None:
        if key >= 0:
            return super()._row(key)
        at = bisect_left(self.literals, key)
        is_there = at < len(self.literals) and self.literals[at] == key
        return self.conn_table.row(at) if is_there else None

    def _keys(self) -> Iterable[int]:
        return chain(super()._keys(), self.literals)


def thaw_facts(policy: Policy, small: Mapping[str, Any], sections: Sections) -> Facts:
    """Facts over a snapshot."""
    table = _read_table("nodes", sections)

    def read(number: int) -> Node:
        id_, ci_class, name, status, parent, values, origins = _decode(table.row(number))
        return Node(id_, ci_class, name, status, parent, values or NONE, tuple(origins))

    def ends(row: memoryview) -> dict[End, Mapping[str, Value]]:
        return {(type_, far, starts): attributes or NONE for type_, far, starts, attributes in _decode(row)}

    def users(row: memoryview) -> dict[End, None]:
        return {(type_, far, starts): None for type_, far, starts, _ in _decode(row)}

    pairs = [(ci_class, status) for ci_class, status in small["pairs"]]
    return Facts(
        policy,
        Nodes(table, read, pairs, sections["sorts"].cast("H")),
        Numbers(sections["numbers"], lambda number: str(_decode(table.row(number))[0])),
        Rows(_read_table("children", sections), ints),
        Rows(_read_table("ends", sections), ends),
        Rows(_read_table("users", sections), users),
        {name: set(cis) for name, cis in small["rooted"].items()},
        set(ints(sections["missing"])),
        _thaw_gateways(small["gateways"], sections),
    )


def _thaw_gateways(flags: list[bool], sections: Sections) -> Gateways:
    gateways = Gateways(is_said=flags[0], is_known=flags[1])
    flat = ints(sections["in_subnet"])
    for address, network in zip(flat[::2], flat[1::2], strict=True):
        gateways.put(address, network)
    standing, unread, own = msgspec.msgpack.decode(
        sections["gateways"], type=tuple[dict[int, tuple[int, ...]], list[int], dict[int, list[int]]]
    )
    gateways.standing, gateways.unread = standing, set(unread)
    for ci, networks in own.items():
        gateways.index(ci, frozenset(networks))
    return gateways


def thaw_live(facts: Facts, small: Mapping[str, Any], sections: Sections) -> tuple[Live, Fabric]:
    """Groups and planes over a snapshot."""
    numbered = Groups(_read_table("groups", sections), sections["owners"].cast("i"), sections["slacks"].cast("q"))
    keys = sections["connected.keys"].cast("q")
    served = Served(_read_table("serves", sections), keys, _read_table("connected", sections), numbered)
    live = Live(serves=served, numbered=numbered, free=list(small["free"]))

    def owned(row: memoryview) -> list[Group]:
        return [numbered[number] for number in ints(row)]

    live.owned = Rows(_read_table("owned", sections), owned)
    live.groups = ById(lambda id_: _find_group(facts, live, id_), lambda: _all_groups(live))
    for number in small["defects"]:
        group = numbered[number]
        live.defects.setdefault(group.owner, set()).add(group)
    fabric = _thaw_fabric(sections)
    for number, (name, roots) in enumerate(small["planes"]):
        plane = live.add_plane(name, fabric)
        flat = ints(sections[f"plane.{number}"])
        plane.roots = set(roots)
        plane.parent = dict(zip(flat[::2], flat[1::2], strict=True))
    for literal in keys:
        live.planes[plane_of(literal)].watched.add(ci_of(literal))
    return live, fabric


def _find_group(facts: Facts, live: Live, id_: str) -> Group | None:
    """A group by id: of a Requirement CI that is part of the owner, or `req:OWNER:TYPE:KEY`."""
    owners = []
    if (stated := facts.numbers.get(id_)) is not None:
        owners.append(facts.nodes[stated].parent)
    if id_.startswith("req:"):
        at = id_.find(":", 4)
        while at >= 0:  # ids may have colons, too
            owners.append(facts.numbers.get(id_[4:at], -1))
            at = id_.find(":", at + 1)
    return next((group for owner in owners for group in live.owned.get(owner, ()) if group.id == id_), None)


def _all_groups(live: Live) -> Iterator[tuple[str, Group]]:
    free = set(live.free)
    return ((group.id, group) for number, group in enumerate(live.numbered) if number not in free)


def _thaw_fabric(sections: Sections) -> Fabric:
    fars, ends = ints(sections["edges.fars"]), ints(sections["edges.ends"], "q")
    starts = [0, *ends]
    rows = [fars[start:end] for start, end in zip(starts, ends, strict=False)]
    return Fabric(dict(zip(ints(sections["edges.cis"]), rows, strict=True)))


def _read_table(name: str, sections: Sections) -> Table:
    return Table(sections[f"{name}.ends"], sections[f"{name}.pool"])
