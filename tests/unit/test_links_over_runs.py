"""What becomes of neighbours, cables and interfaces from one run to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from cmdb.observation import Identifier, Report
from collectors.facts import Facts, Named
from collectors.links.relate import relate
from collectors.snmp.interpret import interpret
from collectors.snmp.read import BY_NAME, read_device
from collectors.snmp.surroundings import surroundings
from collectors.snmp.table import Table
from collectors.transport.answers import dotted
from collectors.transport.replay import RecordedTarget, find_recordings, open_replay
from tests.unit.links_network import AT, Box, mac, tell
from tests.unit.snmp_answers import answers
from tests.unit.world import World

GOLDEN = Path(__file__).parent.parent / "golden" / "links"
LATER = AT + 1000


def run(world: World, boxes: Sequence[Box], at: int) -> None:
    """One run that visits these devices."""
    world.ingest(*(_at(_described(box), at) for box in boxes))
    world.ingest(*(_at(report, at) for report in tell(boxes)))


def _described(box: Box) -> Report:
    """What a device says of itself, with the keys that agents have."""
    report = box.report()
    device = report.observations[0]
    keys = (Identifier(f"chassis-id:mac:{mac(box.number)}"), Identifier(f"mac:{mac(box.number)}", strong=False))
    known = (*device.identifiers, *keys, Identifier(f"sysname:{box.name}", strong=False))
    told = {**device.attributes, "mac_addresses": [mac(box.number, port) for port in range(box.ports + 1)]}
    described = msgspec.structs.replace(device, identifiers=known, attributes=told)
    return msgspec.structs.replace(report, observations=(described, *report.observations[1:]))


def _at(report: Report, at: int) -> Report:
    return msgspec.structs.replace(report, at=at)


def cables(world: World) -> set[frozenset[str]]:
    """Cables by the names of both ends and their devices."""

    def called(ci: str) -> str:
        known = world.cis[ci]
        inside = f"{world.cis[known.parent].attributes['name']} " if known.parent else ""
        return f"{inside}{known.attributes['name']}"

    ties = {key for ci in world.cis.values() for key in ci.links if key[1] == "CONNECTED_TO"}
    return {frozenset((called(source), called(target))) for source, _, target in ties}


@pytest.mark.parametrize(
    ("protocol", "chassis", "spelled"),
    [
        ("lldp", Named("mac", mac(2)), "Gi1/0/2"),
        ("cdp", Named("local", "beta"), "Gi1/0/2"),
        ("cdp", Named("local", "beta"), "GigabitEthernet1/0/2"),
    ],
)
def test_a_neighbour_out_of_scope_turns_into_the_device_that_answers_later(
    protocol: str, chassis: Named, spelled: str
) -> None:
    a, b, world = Box("alpha", 1), Box("beta", 2), World()
    more = {"name": "beta", "capabilities": ("switch",), "description": "Cisco IOS Software"}
    a.sees(1, chassis, spelled, protocol=protocol, **more)
    run(world, [a], AT)
    (before,) = [ci for ci in world.cis.values() if ci.attributes["name"] == "beta"]

    assert before.ci_class == "NetworkDevice"
    assert cables(world) == {frozenset({"alpha Gi1/0/1", "beta Gi1/0/2"})}

    run(world, [a, b], LATER)
    (after,) = [ci for ci in world.cis.values() if ci.attributes["name"] == "beta"]

    assert after.id == before.id
    assert after.facets["snmp/beta"].role == "self"
    assert cables(world) == {frozenset({"alpha Gi1/0/1", "beta Gi1/0/2"})}
    inside = {ci.local_key: ci.status for ci in world.cis.values() if ci.parent == after.id}
    assert inside == {f"Gi1/0/{port}": "in_service" for port in range(1, 5)}


def test_a_cable_leads_to_the_device_with_the_card_behind_a_port_once_that_answers() -> None:
    switch = Box("alpha", 1, bridge=True)
    host = Box("gamma", 3, ports=1, naming="eth{}", roles=("server",))
    switch.learns(3, mac(3, 1))
    world = World()
    run(world, [switch], AT)

    assert cables(world) == {frozenset({"alpha Gi1/0/3", f"{mac(3, 1)} {mac(3, 1)}"})}

    run(world, [switch, host], LATER)

    assert cables(world) == {frozenset({"alpha Gi1/0/3", "gamma eth1"})}


def visit(recording: Path, at: int, context: Mapping[str, Path]) -> tuple[Report, Facts]:
    """Read one agent."""
    target = RecordedTarget(recording.name.removesuffix(".snmprec"), "", recording, context)
    found = asyncio.run(read_device(open_replay(target)))
    return interpret(target.name, "", found, at), surroundings(target.name, "", found, at)


def taken(world: World, visits: Sequence[tuple[Report, Facts]]) -> World:
    """The world after a run."""
    reports = [report for report, _ in visits]
    world.ingest(*reports)
    world.ingest(*relate(reports, [facts for _, facts in visits]))
    return world


def there(world: World) -> tuple[set[str], set[tuple[str, str, str]]]:
    """CIs in service, and relationships."""
    ties = {key for ci in world.cis.values() for key in ci.links}
    return {ci.id for ci in world.cis.values() if ci.status == "in_service"}, ties


def changed(recording: Path, folder: Path, table: Table | None = None) -> Path | None:
    """The recording as one of Cisco IOS, where the agent does not answer for a table; None where it has none.

    Where ifXTable is silent, ports of IOS are found again: its names follow from ifDescr.
    """
    prefix = dotted(next(iter(table.columns.values()))[:-1]).encode() + b"." if table else b"none"
    lines = recording.read_bytes().replace(b"|Example switch", b"|Cisco IOS Software").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(prefix)]
    target = folder / recording.name
    target.write_bytes(b"".join(kept))
    return target if table is None or len(kept) < len(lines) else None


@pytest.mark.parametrize("case", ["aggregate-and-phone", "silent-switch-between", "tables-in-contexts"])
def test_a_table_that_is_not_answered_loses_nothing(case: str, tmp_path: Path) -> None:
    (tmp_path / "cut").mkdir()
    targets = find_recordings([GOLDEN / case])
    paths = [path for t in targets if (path := changed(t.path, tmp_path))]
    before, again = (
        [visit(path, at, t.contexts) for path, t in zip(paths, targets, strict=True)] for at in (AT, LATER)
    )
    whole = there(taken(World(), before))
    tried = set()
    for number, target in enumerate(targets):
        for table in BY_NAME.values():
            cut = changed(target.path, tmp_path / "cut", table)
            if cut is None:
                continue
            tried.add(table.name)
            visits = [*again[:number], visit(cut, LATER, target.contexts), *again[number + 1 :]]
            cis, ties = there(taken(taken(World(), before), visits))

            assert (whole[0] - cis, whole[1] - ties) == (set(), set()), f"{target.name} without {table.name}"
    assert {"interfaces", "interfaces_x"} < tried


AGENT = """
2.1.1.1.0|4|Example switch
2.1.1.2.0|6|1.3.6.1.4.1.99999.1
2.1.1.5.0|4|sw-1
2.1.17.1.1.0|4x|001b21000100
"""


def _ports(first: int, names: Sequence[str], column: str) -> str:
    return "".join(f"{column}.{first + at}|4|{name}\n" for at, name in enumerate(names))


@pytest.mark.parametrize("column", ["2.1.31.1.1.1.1", "2.1.2.2.1.2"], ids=["ifName", "ifDescr"])
def test_an_interface_is_the_same_one_when_its_number_moves(tmp_path: Path, column: str) -> None:
    names, world = ("Gi0/1", "Gi0/2", "Vl10"), World()
    for at, first in ((AT, 1), (LATER, 40)):
        found = interpret("sw-1", "", answers(tmp_path, AGENT + _ports(first, names, column)), at)
        world.ingest(found, *relate([found], []))
        if at == AT:
            before = {ci.attributes["name"]: ci.id for ci in world.cis.values() if ci.ci_class == "Interface"}
    after = {ci.attributes["name"]: ci for ci in world.cis.values() if ci.ci_class == "Interface"}

    assert {name: ci.id for name, ci in after.items()} == before
    assert {name: ci.attributes["if_index"] for name, ci in after.items()} == dict(
        zip(names, (40, 41, 42), strict=True)
    )
