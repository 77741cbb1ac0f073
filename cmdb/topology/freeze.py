"""A topology as sections of a snapshot; what was not read since an earlier one is copied as it is."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec

from cmdb.observation import Value
from cmdb.topology.census import sorts_of
from cmdb.topology.facts import End, Facts, Node
from cmdb.topology.gateways import Gateways
from cmdb.topology.live import Group, Live
from cmdb.topology.plane import Fabric
from cmdb.topology.tables import NOTHING, Listed, Numbers, Rows, Section, hashed, packed
from cmdb.topology.thaw import Groups, Served

_encode = msgspec.msgpack.Encoder().encode


def small_things(facts: Facts, live: Live) -> dict[str, object]:
    """What goes into the header."""
    return {
        "pairs": sorts_of(facts.nodes)[0],
        "rooted": {name: sorted(cis) for name, cis in facts.rooted.items() if cis},
        "gateways": [facts.gateways.is_said, facts.gateways.is_known],
        "free": list(live.free),
        "defects": sorted(group.number for row in live.defects.values() for group in row),
        "planes": [(plane.name, sorted(plane.roots)) for plane in live.planes],
    }


def sections(facts: Facts, live: Live, fabric: Fabric) -> Iterator[dict[str, Section]]:
    """All the rest, some sections at a time; nothing of it may change in between, though it may be read."""
    count = len(facts.nodes)
    yield {"sorts": _bytes(sorts_of(facts.nodes)[1])}
    yield _table("nodes", count, facts.nodes, _node_row)
    yield _table("children", count, facts.children, _ints_row)
    yield _table("ends", count, facts.ends, _ends_row)
    yield _table("users", count, facts.users, _ends_row)
    yield {"numbers": _bytes(_numbers(facts.numbers)), "missing": _bytes(array("i", sorted(facts.missing)))}
    yield _gateway_sections(facts.gateways)
    yield _table("groups", len(live.numbered), live.numbered, _group_row)
    yield _weights(live)
    yield _table("owned", count, live.owned, lambda row: _ints_row(group.number for group in row))
    yield _served(count, live)
    yield _plane_sections(live, fabric)


def _table(name: str, count: int, rows: Any, row_of: Callable[[Any], bytes]) -> dict[str, Section]:
    """A table and what changed since it was read; all of it where there was none."""
    base = rows.table if isinstance(rows, Rows | Listed) else NOTHING
    if isinstance(rows, Rows | Listed):
        changed = rows.changed(row_of)
    else:
        pairs = rows.items() if isinstance(rows, dict) else enumerate(rows)
        changed = {key: row_of(row) for key, row in pairs}
    ends, pool = packed(count, base, changed)
    return {f"{name}.ends": _bytes(ends), f"{name}.pool": pool}


def _node_row(node: Node) -> bytes:
    return _encode((node.id, node.ci_class, node.name, node.status, node.parent, node.values or None, node.origins))


def _ends_row(row: Mapping[End, Mapping[str, Value] | None]) -> bytes:
    return _encode([(*end, attributes or None) for end, attributes in row.items()])


def _group_row(group: Group) -> bytes:
    flat = list(chain.from_iterable(group.providers))
    rules = (group.on_loss, group.passes, group.origin, group.gone, group.counts)
    return _encode((group.id, group.owner, group.needed, flat, *rules, group.up))


def _ints_row(numbers: Iterable[int]) -> bytes:
    return array("i", numbers).tobytes()


def _bytes(numbers: array[int]) -> memoryview:
    return memoryview(numbers).cast("B")


def _numbers(numbers: dict[str, int]) -> array[int]:
    if isinstance(numbers, Numbers):
        return numbers.table()
    return array("Q", sorted(hashed(id_) | number for id_, number in numbers.items()))


def _gateway_sections(gateways: Gateways) -> dict[str, Section]:
    pairs = [(address, network) for network, row in gateways.addresses.items() for address in sorted(row)]
    judged = (gateways.standing, sorted(gateways.unread), {ci: sorted(row) for ci, row in gateways.own.items()})
    return {"in_subnet": _bytes(array("i", chain.from_iterable(pairs))), "gateways": _encode(judged)}


def _weights(live: Live) -> dict[str, Section]:
    """Owner and slack of each group, as arrays for the kernel."""
    owners, slacks = array("i"), array("q")
    if isinstance(live.numbered, Groups):
        owners, slacks = array("i", live.numbered.owners), array("q", live.numbered.slacks)
        more = len(live.numbered) - len(owners)
        owners.extend([0] * more)
        slacks.extend([0] * more)
        for number, group in live.numbered.kept():
            owners[number], slacks[number] = group.owner, group.slack
    else:
        owners.extend(group.owner for group in live.numbered)
        slacks.extend(group.slack for group in live.numbered)
    return {"owners": _bytes(owners), "slacks": _bytes(slacks)}


def _served(count: int, live: Live) -> dict[str, Section]:
    """What each literal provides: "is up" in a table of all CIs, connectivity in one of those that matter."""

    def row_of(row: Mapping[Group, int]) -> bytes:
        return array("q", chain.from_iterable((group.number, weight) for group, weight in row.items())).tobytes()

    served = live.serves
    if isinstance(served, Served):
        changed, base = served.changed(row_of), served.table
        rows = {key: bytes(row) for key, row in served.connected()}
    else:
        changed, base, rows = {key: row_of(row) for key, row in served.items()}, NOTHING, {}
    rows |= {key: row for key, row in changed.items() if key < 0}
    keys = sorted(key for key, row in rows.items() if row)
    up, pool = packed(count, base, {key: row for key, row in changed.items() if key >= 0})
    ends, connected = packed(len(keys), NOTHING, {at: rows[key] for at, key in enumerate(keys)})
    return {
        "serves.ends": _bytes(up),
        "serves.pool": pool,
        "connected.keys": _bytes(array("q", keys)),
        "connected.ends": _bytes(ends),
        "connected.pool": connected,
    }


def _plane_sections(live: Live, fabric: Fabric) -> dict[str, Section]:
    """Edges, and per plane who hangs where."""
    cis, ends, fars = array("i", fabric.edges), array("q"), array("i")
    for row in fabric.edges.values():
        fars.extend(row)
        ends.append(len(fars))
    sections: dict[str, Section] = {"edges.cis": _bytes(cis), "edges.ends": _bytes(ends), "edges.fars": _bytes(fars)}
    for plane in live.planes:
        flat = chain.from_iterable(plane.parent.items())
        sections[f"plane.{plane.number}"] = _bytes(array("i", flat))
    return sections
