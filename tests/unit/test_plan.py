"""Planning: who is it, who is right, what is gone."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.changes import ManifestEntry, content_of
from cmdb.observation import CLASS_TABLE, Identifier, Link, Observation, Report, path
from cmdb.reconcile.check import check_report
from cmdb.reconcile.draft import Problem
from tests.reports import REPORTS, SERIAL, device, port, report
from tests.unit.world import World, at_once


def test_same_again_is_no_commit() -> None:
    world = World()
    said = [device("core-1", SERIAL), port(SERIAL, "Gi1"), port(SERIAL, "Gi2", alias="uplink")]

    world.ingest(report("core-1", 1, *said))
    world.ingest(report("core-1", 2, *said))

    assert world.commits == 1
    assert world.targets["snmp/core-1"].last_seen == 2
    assert len(world.cis) == 3


def test_one_attribute_is_one_change() -> None:
    world = World()
    world.ingest(report("core-1", 1, device("core-1", SERIAL), port(SERIAL, "Gi1"), port(SERIAL, "Gi2")))

    world.ingest(report("core-1", 2, device("core-1", SERIAL), port(SERIAL, "Gi1", alias="x"), port(SERIAL, "Gi2")))

    assert world.commits == 2
    assert world.by_name("Gi1").attributes["alias"] == "x"


def test_complete_visit_marks_missing_and_back() -> None:
    world = World(at_once())
    world.ingest(report("core-1", 1, device("core-1", SERIAL), port(SERIAL, "Gi1"), port(SERIAL, "Gi2")))

    world.ingest(report("core-1", 2, device("core-1", SERIAL), port(SERIAL, "Gi1")))
    gone = world.by_name("Gi2")

    assert (gone.status, gone.facets["snmp/core-1"].gone, gone.facets["snmp/core-1"].seen) == ("missing", 2, 1)

    world.ingest(report("core-1", 3, device("core-1", SERIAL), port(SERIAL, "Gi1"), port(SERIAL, "Gi2")))

    assert world.by_name("Gi2").status == "in_service"
    assert len(world.cis) == 3


def test_partial_visit_takes_nothing_away() -> None:
    world = World()
    world.ingest(
        report(
            "core-1", 1, device("core-1", SERIAL, vendor="Cisco"), port(SERIAL, "Gi1", alias="a"), port(SERIAL, "Gi2")
        )
    )

    world.ingest(
        report("core-1", 2, device("core-1", SERIAL, model="C9500"), port(SERIAL, "Gi1", mtu=9000), complete=False)
    )

    assert world.by_name("Gi2").status == "in_service"
    assert world.by_name("core-1").attributes == {"name": "core-1", "vendor": "Cisco", "model": "C9500"}
    assert world.by_name("Gi1").attributes == {"name": "Gi1", "alias": "a", "mtu": 9000}


def test_class_stays_where_what_it_follows_from_is_silent() -> None:
    world = World()
    switch, guess = device("core-1", SERIAL), msgspec.structs.replace(device("core-1", SERIAL), ci_class="Computer")
    world.ingest(report("core-1", 1, switch, tables=("system", CLASS_TABLE)))

    world.ingest(report("core-1", 2, guess, tables=("system",)))

    assert world.by_name("core-1").ci_class == "NetworkDevice"

    world.ingest(report("core-1", 3, guess, tables=("system", CLASS_TABLE)))

    assert world.by_name("core-1").ci_class == "Computer"


def test_silent_table_makes_a_visit_partial() -> None:
    world = World()
    world.ingest(
        report("core-1", 1, device("core-1", SERIAL), port(SERIAL, "Gi1", alias="a"), tables=("if_table", "ifx_table"))
    )

    world.ingest(report("core-1", 2, device("core-1", SERIAL), port(SERIAL, "Gi1"), tables=("if_table",)))

    assert world.by_name("Gi1").attributes["alias"] == "a"


def test_two_sources_are_one_device_with_two_facets() -> None:
    world = World()
    world.ingest(report("core-1", 1, device("core-1", SERIAL, "target:core-1", vendor="Cisco", os_version="15.2")))

    world.ingest(report("core-1", 2, device("core-1.example", "target:core-1", os_version="15.2(2)E"), source="ssh"))

    assert len(world.cis) == 1
    ci = next(iter(world.cis.values()))
    assert set(ci.facets) == {"snmp/core-1", "ssh/core-1"}
    ranks = {s: world.model.precedence(s, "NetworkDevice", "os_version") for s in ("snmp", "ssh")}
    expected = "15.2" if ranks["snmp"] > ranks["ssh"] else "15.2(2)E"
    assert ci.attributes["os_version"] == expected


def test_manual_statement_before_and_after_discovery_finds_the_device() -> None:
    manual = report(
        "site.yaml", 1, device("web-1", "sysname:web-1", ci_class="Computer", root_of=["lan"]), source="manual"
    )
    found = report("web-1", 2, device("web-1", "serial:dell:ABC", "sysname:web-1", "target:web-1", ci_class="Computer"))
    pictures = []
    for order in ([manual, found], [found, manual]):
        world = World()
        for one in order:
            world.ingest(one)
        pictures.append(world.picture())

    assert len(World().cis) == 0
    assert pictures[0] == pictures[1]
    assert len(pictures[0][0]) == 1


def test_devices_that_share_weak_identifiers_stay_apart_and_ask() -> None:
    world = World()
    world.ingest(report("a", 1, device("switch", "target:a", "sysname:edge")))

    world.ingest(report("b", 1, device("switch", "target:b", "sysname:edge")))

    assert len(world.cis) == 2
    assert [t.kind for t in world.tasks.values()] == ["ambiguous"]


def test_ambiguous_mention_is_set_aside_and_asks() -> None:
    world = World()
    for target in "ab":
        world.ingest(report(target, 1, device("switch", f"target:{target}", "sysname:edge")))
    before = len(world.cis)

    draft = world.ingest(
        report("f", 1, device("switch", "sysname:edge", vendor="HP"), port("sysname:edge", "p1"), source="manual")
    )

    assert len(world.cis) == before
    assert {p.field for p in draft.problems} == {"identifiers", "parent"}
    assert world.targets["manual/f"].hash == b""


def test_contradicting_serial_vetoes_and_asks() -> None:
    world = World()
    world.ingest(report("a", 1, device("a", "engine-id:80000009", "serial:cisco:A")))

    world.ingest(report("b", 1, device("b", "engine-id:80000009", "serial:cisco:B")))

    assert sorted(ci.attributes["name"] for ci in world.cis.values()) == ["a", "b"]
    assert [t.kind for t in world.tasks.values()] == ["conflict"]
    holders = [
        ci.attributes["name"] for ci in world.cis.values() if "engine-id:80000009" in {i.key for i in ci.identifiers}
    ]
    assert holders == ["a"]


def test_two_strong_matches_are_a_question_not_a_merge() -> None:
    world = World()
    world.ingest(
        report("a", 1, device("a", "serial:cisco:A")),
        report("b", 1, device("b", "uuid:1b671a64-40d5-491e-99b0-da01ff1f3341")),
    )

    world.ingest(report("c", 1, device("c", "serial:cisco:A", "uuid:1b671a64-40d5-491e-99b0-da01ff1f3341")))

    assert len(world.cis) == 2
    assert [(t.kind, t.proposal) for t in world.tasks.values()] == [("duplicate", "merge")]


def test_device_replaced_at_the_same_address_is_another_one() -> None:
    world = World(at_once())
    world.ingest(report("a", 1, device("a", "serial:cisco:A", "target:a"), port("serial:cisco:A", "Gi1")))

    world.ingest(report("a", 2, device("a", "serial:cisco:B", "target:a"), port("serial:cisco:B", "Gi1")))

    statuses = sorted((min(i.key for i in ci.identifiers), ci.status) for ci in world.cis.values() if not ci.parent)
    assert statuses == [("serial:cisco:A", "missing"), ("serial:cisco:B", "in_service")]


@pytest.mark.parametrize(
    "serial",
    [("serial:cisco:A",), ("chassis-id:mac:00:1d:e5:84:98:c0",), ()],
    ids=["with a serial number", "with a chassis id", "without"],
)
def test_an_agent_that_was_set_up_anew_is_the_same_device(serial: tuple[str, ...]) -> None:
    """Its engine id is another; serial number or name, and the target under which it answers, are not."""
    world = World()
    world.ingest(report("a", 1, device("a", "engine-id:80001f8801", *serial, "sysname:a", "target:a")))
    world.ingest(report("a", 2, device("a", "engine-id:80001f8802", *serial, "sysname:a", "target:a")))

    (ci,) = world.cis.values()
    assert {i.key for i in ci.identifiers} == {*serial, "engine-id:80001f8802", "sysname:a", "target:a"}
    assert world.tasks == {}


def test_another_engine_id_alone_under_a_target_is_another_device() -> None:
    world = World()
    world.ingest(report("a", 1, device("a", "engine-id:80001f8801", "sysname:a", "target:a")))
    world.ingest(report("a", 2, device("b", "engine-id:80001f8802", "sysname:b", "target:a")))

    assert len(world.cis) == 2


def test_one_serial_number_on_two_agents_is_a_question() -> None:
    world = World()
    world.ingest(report("a", 1, device("a", "serial:cisco:A", "engine-id:80001f8801", "target:a")))
    world.ingest(report("b", 1, device("b", "serial:cisco:A", "engine-id:80001f8802", "target:b")))

    assert len(world.cis) == 2
    assert [task.kind for task in world.tasks.values()] == ["conflict"]


def test_device_that_gains_a_serial_stays_itself() -> None:
    world = World()
    world.ingest(report("a", 1, device("a", "target:a"), port("target:a", "Gi1")))

    world.ingest(report("a", 2, device("a", "serial:cisco:A", "target:a"), port("serial:cisco:A", "Gi1")))

    assert len(world.cis) == 2
    assert {ci.status for ci in world.cis.values()} == {"in_service"}


def test_far_end_waits_and_is_tied_when_it_comes() -> None:
    far = path("serial:hp:B", "Interface", "2")
    near = report(
        "a",
        1,
        device("a", "serial:cisco:A"),
        port("serial:cisco:A", "1", links=(Link("CONNECTED_TO", far, {"protocols": ["manual"]}),)),
    )
    world = World()
    world.ingest(near)
    waiting = list(world.pending)

    world.ingest(report("b", 2, device("b", "serial:hp:B"), port("serial:hp:B", "2")))

    assert [(p.key, p.path) for p in waiting] == [("serial:hp:B", "Interface|2")]
    assert world.pending == []
    assert [t for t in world.picture()[1] if t[0] == "CONNECTED_TO"] == [
        (
            "CONNECTED_TO",
            ("serial:cisco:A|Interface|1", "serial:hp:B|Interface|2"),
            "[('protocols', ['manual'])]",
            ("snmp/a",),
        )
    ]


def test_link_said_from_both_ends_is_one_cable_with_two_evidences() -> None:
    world = World()
    ends = {"A": "B", "B": "A"}
    for at, (me, other) in enumerate(ends.items(), 1):
        link = Link("CONNECTED_TO", path(f"serial:x:{other}", "Interface", "1"), {"protocols": [f"lldp{me}"]})
        world.ingest(report(me, at, device(me, f"serial:x:{me}"), port(f"serial:x:{me}", "1", links=(link,))))

    cables = [t for t in world.picture()[1] if t[0] == "CONNECTED_TO"]
    assert len(cables) == 1
    assert cables[0][2:] == ("[('protocols', ['lldpA', 'lldpB'])]", ("snmp/A", "snmp/B"))


def test_link_no_longer_said_ends() -> None:
    world = World()
    link = (Link("POWERED_BY", "serial:apc:P"),)
    world.ingest(report("p", 1, device("pdu", "serial:apc:P", ci_class="PowerDevice")))
    world.ingest(report("a", 1, device("a", "serial:x:A", links=link)))

    world.ingest(report("a", 2, device("a", "serial:x:A")))

    assert world.picture()[1] == []


def hypervisor(name: str, at: int, *machines: str) -> Report:
    """What a host tells of the virtual machines that run on it."""
    host = Observation("Computer", f"serial:dell:{name}", {"name": name}, (Identifier(f"serial:dell:{name}"),))
    told = [
        Observation(
            "VirtualMachine",
            f"uuid:{uuid}",
            {"name": uuid},
            (Identifier(f"uuid:{uuid}"),),
            links=(Link("RUNS_ON", host.key, method="virsh"),),
            role="reported",
        )
        for uuid in machines
    ]
    return Report("ssh", name, at, (host, *told), tables=("guests",))


def hosts_of(world: World) -> set[tuple[str, str]]:
    """Virtual machines and where they run, by name."""
    names = {ci.id: ci.identifiers[0].key.rpartition(":")[2] for ci in world.cis.values()}
    ties = {tie for ci in world.cis.values() for tie in ci.links}
    return {(names[source], names[target]) for source, type_, target in ties if type_ == "RUNS_ON"}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_machine_that_moved_runs_where_it_was_seen_last(order: tuple[int, ...]) -> None:
    visits = [
        hypervisor("hv1", 1, "a", "b"),
        hypervisor("hv2", 2),
        hypervisor("hv1", 3, "b"),
        hypervisor("hv2", 4, "a"),
    ]
    world = World()
    for number in order:
        world.ingest(visits[number])

    assert hosts_of(world) == {("a", "hv2"), ("b", "hv1")}


def test_a_machine_does_not_leave_a_host_that_could_not_be_read() -> None:
    world = World()
    world.ingest(hypervisor("hv1", 1, "a"))
    world.ingest(msgspec.structs.replace(hypervisor("hv1", 2), tables=()))

    assert hosts_of(world) == {("a", "hv1")}


def links_report(target: str, at: int, *said: Observation) -> Report:
    """What a target says of how its parts are tied to others."""
    return Report("snmp", target, at, said, complete=False, part="links")


def mention(serial: str, port: str, *far: str) -> tuple[Observation, Observation]:
    """A device that is only named, and one of its ports with its cables."""
    cables = tuple(Link("CONNECTED_TO", path(f, "Interface", "1"), {"protocols": ["lldp"]}, "lldp") for f in far)
    named = Observation("NetworkDevice", serial, {}, (Identifier(serial),), role="mentioned")
    return named, Observation("Interface", port, {}, parent=serial, links=cables, role="mentioned")


def test_mentions_tie_what_others_describe_and_say_nothing_of_it() -> None:
    world = World()
    for name in "ABC":
        world.ingest(report(name, 1, device(name, f"serial:x:{name}"), port(f"serial:x:{name}", "1")))
    facets = {ci.id: set(ci.facets) for ci in world.cis.values()}

    world.ingest(links_report("A", 2, *mention("serial:x:A", "1", "serial:x:B")))
    first = cables(world)
    world.ingest(links_report("A", 3, *mention("serial:x:A", "1", "serial:x:B")))
    commits = world.commits
    world.ingest(links_report("A", 4, *mention("serial:x:A", "1", "serial:x:C")))
    moved = cables(world)
    world.ingest(links_report("A", 5))
    world.ingest(links_report("A", 6, *mention("serial:x:A", "1")))

    assert first == [("serial:x:A|Interface|1", "serial:x:B|Interface|1")]
    assert commits == 4  # said again it changes nothing
    assert moved == [("serial:x:A|Interface|1", "serial:x:C|Interface|1")]  # the port's other cable is the truth now
    assert cables(world) == moved  # what is not said at all is kept, as the cable of a port that is down
    assert {ci.id: set(ci.facets) for ci in world.cis.values()} == facets


def test_a_mention_makes_nothing_and_keeps_nothing_alive() -> None:
    world = World(at_once())
    draft = world.ingest(links_report("A", 1, *mention("serial:x:A", "1", "serial:x:B")))
    assert draft.problems[0].message.endswith("its links were not taken")
    assert world.cis == {}

    world.ingest(report("A", 2, device("A", "serial:x:A"), port("serial:x:A", "1"), port("serial:x:A", "2")))
    draft = world.ingest(links_report("A", 3, *mention("serial:x:A", "9", "serial:x:B")))
    assert [p.path for p in draft.problems] == ["serial:x:A|Interface|9"]

    world.ingest(links_report("A", 4, *mention("serial:x:A", "1", "serial:x:A")))
    world.ingest(report("A", 5, device("A", "serial:x:A"), port("serial:x:A", "2")))
    assert world.by_path("serial:x:A|Interface|1").status == "missing"


def cables(world: World) -> list[tuple[str, str]]:
    """The ends of all cables."""
    return [t[1] for t in world.picture()[1] if t[0] == "CONNECTED_TO"]


def test_link_between_classes_that_do_not_fit_is_a_problem() -> None:
    world = World()
    world.ingest(report("p", 1, device("pdu", "serial:apc:P", ci_class="PowerDevice")))

    draft = world.ingest(report("a", 1, device("a", "serial:x:A", links=(Link("HAS_ADDRESS", "serial:apc:P"),))))

    assert [p.field for p in draft.problems] == ["links[HAS_ADDRESS serial:apc:P]"]
    assert world.picture()[1] == []


def test_carried_over_line_keeps_its_own_time() -> None:
    world = World()
    world.ingest(report("a", 1, device("a", SERIAL), port(SERIAL, "Gi1")))

    world.ingest(report("a", 5, device("a", SERIAL), complete=False))

    line = world.targets["snmp/a"].manifest[path(SERIAL, "Interface", "Gi1")]
    assert isinstance(line, ManifestEntry)
    assert line.at == 1


@settings(max_examples=150, deadline=None)
@given(st.permutations(REPORTS), st.lists(st.integers(1, 3), min_size=6, max_size=6))
def test_any_order_and_batching_gives_the_same_graph(order: list[Report], sizes: list[int]) -> None:
    expected = World()
    for one in REPORTS:
        expected.ingest(one)
    world = World()
    rest = list(order)
    while rest:
        size = sizes[len(rest) % len(sizes)]
        world.ingest(*rest[:size])
        rest = rest[size:]

    assert world.picture() == expected.picture()


@pytest.mark.parametrize("times", [2, 3])
def test_all_again_changes_nothing(times: int) -> None:
    world = World()
    for one in REPORTS:
        world.ingest(one)
    before = world.picture(), world.commits
    for _ in range(times):
        world.ingest(*[r for r in REPORTS if r.at in (20, 30, 12, 5)])

    assert (world.picture(), world.commits) == before


def test_a_contested_identifier_goes_to_who_still_says_it_once_its_holder_stops() -> None:
    world = World()
    shared = "chassis-id:mac:s"
    world.ingest(report("a", 1, device("a", "serial:x:A", "target:a", shared)))
    world.ingest(report("b", 2, device("b", "serial:x:B", "target:b", shared)))
    before = {ci.attributes["name"] for ci in world.cis.values() if shared in {i.key for i in ci.identifiers}}
    world.ingest(report("a", 3, device("a", "serial:x:A", "target:a")))
    after = {ci.attributes["name"] for ci in world.cis.values() if shared in {i.key for i in ci.identifiers}}

    assert (before, after) == ({"a"}, {"b"})


def test_what_was_taken_word_for_word_is_not_held_against_the_model_again() -> None:
    world = World()
    key = "serial:x:1"
    parts = (device("sw", key), port(key, "1", alias="up"), port(key, "2", mtu="many"))
    told: list[Problem] = []
    first = check_report(report("sw", 1, *parts), world.model, told)
    world.ingest(first)
    manifest = world.targets["snmp/sw"].manifest

    again: list[Problem] = []
    checked = check_report(report("sw", 2, *parts), world.model, again, manifest)
    as_taken = manifest | {f"{key}|Interface|2": ManifestEntry(content_of(parts[2]), "any")}
    silent: list[Problem] = []
    check_report(report("sw", 2, *parts), world.model, silent, as_taken)

    assert [(p.path, p.field) for p in told] == [(f"{key}|Interface|2", "attributes.mtu")]
    assert again == told  # what could not be taken is told each time
    assert silent == []
    assert checked.observations == first.observations
