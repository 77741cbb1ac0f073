"""Absence and staleness: counted by visits, found by sweeps, lifted by the next word."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.changes import LinkFacet
from cmdb.model.absence import DAY_MS, HOUR_MS
from cmdb.observation import Identifier, Link, Observation, Report, path
from cmdb.reconcile.ageing import silence_confidence
from cmdb.reconcile.belief import confidence
from cmdb.reconcile.status import evidence
from tests.reports import SERIAL, device, port, report
from tests.unit.world import World

DAY = 24
CASES = int(os.environ.get("ORDER_CASES", "300"))


def visit(hour: float, *ports: str, complete: bool = True, source: str = "snmp", **attributes: object) -> Report:
    """A switch with these ports, as read at an hour."""
    said = (device("core-1", SERIAL, "target:core-1", **attributes), *(port(SERIAL, p) for p in ports))
    return report("core-1", int(hour * HOUR_MS), *said, source=source, complete=complete)


def hours(number: float) -> int:
    return int(number * HOUR_MS)


def test_missing_takes_three_complete_runs_and_a_day() -> None:
    world = World()
    world.ingest(visit(1, "1", "2"))
    statuses = []
    for hour in (2, 3, 4, 26):
        world.ingest(visit(hour, "1"))
        world.sweep(hours(hour))
        statuses.append(world.by_name("2").status)

    assert statuses == ["in_service", "in_service", "in_service", "missing"]
    assert world.by_name("2").facets["snmp/core-1"].marks == {"lost": hours(26), "runs": 4}


def test_a_day_without_three_runs_is_not_enough() -> None:
    world = World()
    world.ingest(visit(1, "1", "2"))
    for hour in (2, 60):
        world.ingest(visit(hour, "1"))
    world.sweep(hours(60))

    assert world.by_name("2").status == "in_service"
    assert "not missed for long enough" in evidence(world.by_name("2").facets, "Interface", world.model).text


def test_what_comes_back_is_in_service_at_once() -> None:
    world = World()
    world.ingest(visit(1, "1", "2"))
    for hour in (2, 20, 40):
        world.ingest(visit(hour, "1"))
    world.sweep(hours(41))
    missing = world.by_name("2").status
    world.ingest(visit(42, "1", "2"))

    assert (missing, world.by_name("2").status) == ("missing", "in_service")
    assert world.by_name("2").facets["snmp/core-1"].marks == {}
    assert world.sweep(hours(42)) == 0


def test_partial_runs_do_not_count() -> None:
    world = World()
    world.ingest(visit(1, "1", "2"))
    world.ingest(visit(2, "1"))
    for hour in range(3, 60):
        world.ingest(visit(hour, complete=False))
    world.sweep(hours(60))

    assert world.by_name("2").status == "in_service"


def test_missing_becomes_retired_only_where_its_switch_was_read_all_the_while() -> None:
    world = World()
    world.ingest(visit(1, "1", "2"))
    for hour in (2, 20, 40):
        world.ingest(visit(hour, "1"))
    world.sweep(hours(41))
    world.sweep(hours(41) + 40 * DAY_MS)
    unread = world.by_name("2").status
    world.ingest(visit(41 + 31 * DAY, "1"))
    world.sweep(hours(41 + 31 * DAY))
    retired = world.by_name("2").status
    world.ingest(visit(42 + 31 * DAY, "1", "2"))

    assert (unread, retired, world.by_name("2").status) == ("missing", "retired", "in_service")


def test_an_old_alert_keeps_nothing_in_service() -> None:
    world = World()
    alert = report("core-1", hours(1), device("core-1", SERIAL), source="alertmanager:prod", complete=False)
    world.ingest(alert)
    told = [device("core-1", SERIAL), device("wlc", "serial:x:WLC")]
    world.ingest(report("wlc", hours(1), *told))
    statuses = []
    for hour in (2, 10, 20, 30):
        world.ingest(report("wlc", hours(hour), told[1]))
        world.sweep(hours(hour) if hour < 30 else hours(26))
        statuses.append(world.by_name("core-1").status)
    world.ingest(report("core-1", hours(31), device("core-1", SERIAL), source="alertmanager:prod", complete=False))

    assert statuses == ["in_service", "in_service", "in_service", "missing"]
    assert world.by_name("core-1").status == "in_service"


def test_devices_are_never_retired_by_policy() -> None:
    world = World()
    told = [device("ap", "serial:x:AP"), device("core-1", SERIAL)]
    world.ingest(report("wlc", hours(1), *told))
    for hour in (2, 20, 40, 2000):
        world.ingest(report("wlc", hours(hour), told[1]))
        world.sweep(hours(hour))

    assert world.by_name("ap").status == "missing"
    assert world.targets["snmp/wlc"].absent == {}


def test_what_people_no_longer_state_is_missing_at_once() -> None:
    world = World()
    world.ingest(report("f", 1, device("a", "service:a", ci_class="Service"), source="manual"))
    world.ingest(report("f", 2, source="manual"))

    assert world.by_name("a").status == "missing"


def test_a_silent_source_loses_to_a_weaker_fresh_one_and_wins_again() -> None:
    world = World()
    world.ingest(visit(1, os_version="1", vendor="Cisco"))
    world.ingest(visit(1, os_version="2", source="inventory"))
    before = world.by_name("core-1").attributes["os_version"]
    world.ingest(visit(80, os_version="2", source="inventory"))
    changed = world.sweep(hours(80))
    silent = world.by_name("core-1").attributes
    again = world.sweep(hours(81))
    world.ingest(visit(82, os_version="1", vendor="Cisco"))

    assert (before, silent["os_version"], silent["vendor"]) == ("1", "2", "Cisco")
    assert (changed, again) == (1, 0)
    assert world.by_name("core-1").attributes["os_version"] == "1"
    assert world.by_name("core-1").facets["snmp/core-1"].marks == {}


def test_manual_words_are_never_stale() -> None:
    world = World()
    world.ingest(report("f", 1, device("a", "service:a", ci_class="Service"), source="manual"))

    assert world.sweep(hours(1_000_000)) == 0


def test_what_a_partial_visit_left_out_becomes_stale_by_itself() -> None:
    world = World()
    world.ingest(visit(1, "1", "2"))
    world.ingest(visit(70, "1", complete=False))
    world.sweep(hours(75))

    assert [world.by_name(n).facets["snmp/core-1"].marks for n in "12"] == [{}, {"stale": hours(73)}]


@pytest.mark.parametrize(
    ("claim", "seen", "expected"),
    [
        ("planned", False, "planned"),
        ("in_stock", False, "in_stock"),
        ("retired", False, "retired"),
        ("planned", True, "in_service"),
        ("in_stock", True, "in_service"),
        ("retired", True, "retired"),
    ],
)
def test_a_status_may_be_claimed(claim: str, seen: bool, expected: str) -> None:
    world = World()
    world.ingest(report("f", 1, device("core-1", SERIAL, status=claim), source="manual"))
    if seen:
        world.ingest(visit(1))

    assert world.by_name("core-1").status == expected
    assert "status" not in world.by_name("core-1").attributes


def test_back_in_stock_after_service() -> None:
    world = World()
    world.ingest(report("shelf", 1, device("core-1", SERIAL, status="in_stock"), source="stock"))
    world.ingest(visit(1))
    world.ingest(report("core-1", hours(2), device("other", "serial:x:NEW", "target:core-1")))
    for hour in (3, 27):
        world.ingest(report("core-1", hours(hour), device("other", "serial:x:NEW", "target:core-1")))
    world.sweep(hours(27))

    assert world.by_name("core-1").status == "in_stock"


@st.composite
def histories(draw: st.DrawFn) -> list[Report]:
    """Visits of one switch by two sources over some days, some partial, ports coming and going."""
    times = draw(st.lists(st.integers(1, 200), min_size=2, max_size=9, unique=True))
    out = []
    for hour in times:
        ports = draw(st.sets(st.sampled_from("123")))
        complete = draw(st.booleans())
        source = draw(st.sampled_from(("snmp", "ssh")))
        out.append(visit(hour, *sorted(ports), complete=complete, source=source))
    return sorted(out, key=lambda r: r.at)


def picture(world: World) -> object:
    """CIs by name: status, attributes, and what each origin's facet says but for times."""
    return sorted(
        (
            ci.attributes["name"],
            ci.status,
            sorted(ci.attributes.items()),
            sorted((o, f.gone is None, sorted(f.marks.keys() - {"runs"})) for o, f in ci.facets.items()),
        )
        for ci in world.cis.values()
    )


@settings(max_examples=CASES, deadline=None)
@given(histories(), st.integers(0, 2**32))
def test_order_repetition_and_batches_do_not_matter(reports: list[Report], seed: int) -> None:
    """Sweeps at the end, when all that can be said was said; partial visits add up in any order but their own."""
    rng = random.Random(seed)
    now = hours(300)
    straight = World()
    for one in reports:
        straight.ingest(one)
    straight.sweep(now)
    mixed = reports + rng.choices(reports, k=3)
    rng.shuffle(mixed)
    other = World()
    while mixed:
        size = rng.randint(1, 3)
        other.ingest(*mixed[:size])
        mixed = mixed[size:]
    other.sweep(now)

    assert picture(other) == picture(straight)
    assert (other.sweep(now), straight.sweep(now)) == (0, 0)


@settings(max_examples=CASES, deadline=None)
@given(histories(), st.sampled_from(("snmp", "ssh")))
def test_dropping_a_source_is_as_if_it_had_never_spoken(reports: list[Report], source: str) -> None:
    world, without = World(), World()
    for one in reports:
        world.ingest(one)
    world.drop(source)
    for one in reports:
        if one.source != source:
            without.ingest(one)
    for each in (world, without):
        each.sweep(hours(300))
    left = [row for row in picture(world) if row[3]]  # type: ignore[attr-defined]

    assert left == picture(without)
    assert {ci.status for ci in world.cis.values() if not ci.facets} <= {"missing"}


def test_belief_in_silence_grows_with_runs_and_evidence() -> None:
    none = {"neighbours_up": False, "others_reached": False, "still_heard": False}
    levels = [
        silence_confidence(1, **none),
        silence_confidence(3, **none),
        silence_confidence(3, **none | {"others_reached": True}),
        silence_confidence(3, **none | {"others_reached": True, "neighbours_up": True}),
    ]

    assert levels == [20, 49, 74, 87]
    assert silence_confidence(9, neighbours_up=True, others_reached=True, still_heard=True) == 50


LINK = "links"


def seen_on(hour: int, *macs: str, port_name: str = "1", part: str = LINK) -> Report:
    """What the switch's forwarding table tells: end points on one of its ports."""
    named = Observation("NetworkDevice", SERIAL, {}, (Identifier(SERIAL),), role="mentioned")
    here = Observation("Interface", port_name, {}, parent=SERIAL, role="mentioned")
    link = Link("SEEN_ON", path(SERIAL, "Interface", port_name), {}, "fdb")
    told = [
        Observation("Endpoint", f"mac:{m}", {"name": m}, (Identifier(f"mac:{m}"),), links=(link,), role="reported")
        for m in macs
    ]
    return Report("snmp", "core-1", hours(hour), (named, here, *told), complete=False, part=part)


def ties(world: World) -> set[tuple[str, str]]:
    names = {ci.id: ci.attributes["name"] for ci in world.cis.values()}
    return {(t, names[s]) for ci in world.cis.values() for s, t, _ in ci.links}


def test_a_tie_that_nobody_repeats_ends() -> None:
    world = World()
    world.ingest(visit(1, "1", "2"))
    world.ingest(seen_on(2, "a", "b"))
    world.ingest(seen_on(100, "a"))
    world.sweep(hours(160))
    early = ties(world)
    changed = world.sweep(hours(171))
    again = world.sweep(hours(171))
    late = ties(world)
    world.ingest(seen_on(173, "a", "b"))

    assert early == {("SEEN_ON", "a"), ("SEEN_ON", "b")}
    assert (changed > 0, again, late) == (True, 0, {("SEEN_ON", "a")})
    assert ties(world) == early


def pooled(hour: int, *servers: str) -> Report:
    """Whom the switch, being a load balancer as well, has in its pool."""
    pool = Observation("Cluster", "cluster:web", {}, (Identifier("cluster:web"),), role="mentioned")
    needs = Observation(
        "Requirement",
        "members",
        {"name": "members", "needed": 1},
        parent="cluster:web",
        links=tuple(Link("PROVIDED_BY", f"serial:x:{s}", {}, "ltm") for s in servers),
        role="reported",
    )
    link = Link("MEMBER_OF", "cluster:web", {}, "ltm")
    told = [
        Observation("Computer", f"serial:x:{s}", {}, (Identifier(f"serial:x:{s}"),), links=(link,), role="mentioned")
        for s in servers
    ]
    return Report("snmp", "core-1", hours(hour), (pool, *told, needs), complete=False, part=LINK)


def test_a_server_that_left_the_pool_is_no_provider_at_once_and_no_member_later() -> None:
    world = World()
    pool = Observation("Cluster", "cluster:web", {"name": "web"}, (Identifier("cluster:web"),), role="reported")
    world.ingest(report("core-1", hours(1), device("core-1", SERIAL), pool))
    for name in ("x", "y"):
        world.ingest(report(name, 1, device(name, f"serial:x:{name}", ci_class="Computer")))
    world.ingest(pooled(2, "x", "y"))
    world.ingest(pooled(100, "x"))
    far = {ci.id: ci.attributes["name"] for ci in world.cis.values()}
    provides = {far[t] for ci in world.cis.values() for _, type_, t in ci.links if type_ == "PROVIDED_BY"}
    before = {name for type_, name in ties(world) if type_ == "MEMBER_OF"}
    world.sweep(hours(171))
    after = {name for type_, name in ties(world) if type_ == "MEMBER_OF"}

    assert provides == {"x"}
    assert (before, after) == ({"x", "y"}, {"x"})


def session(hour: int, *far: str) -> Report:
    """Whom the switch talks to, as far as it was seen at that moment."""
    links = tuple(
        Link("CONNECTS_TO", path(f"serial:x:{f}", "SoftwareInstance", "tcp-22"), {"port": [22]}, "session") for f in far
    )
    named = Observation("NetworkDevice", SERIAL, {}, (Identifier(SERIAL),), links=links, role="mentioned")
    return Report("ssh", "core-1", hours(hour), (named,), complete=False, part="sessions")


def test_a_session_that_is_not_seen_again_ends_though_others_are() -> None:
    world = World()
    world.ingest(visit(1))
    for far in "xyz":
        host = device(far, f"serial:x:{far}")
        serves = Observation("SoftwareInstance", "tcp-22", {"name": f"ssh on {far}"}, parent=host.key)
        world.ingest(report(far, 1, host, serves))
    world.ingest(session(2, "x", "y"))
    for hour in (100, 400, 800):
        world.ingest(session(hour, "x", "z"))
    far = {ci.id: ci.attributes["name"] for ci in world.cis.values()}
    before = {far[t] for ci in world.cis.values() for _, type_, t in ci.links if type_ == "CONNECTS_TO"}
    world.sweep(hours(800))
    after = {far[t] for ci in world.cis.values() for _, type_, t in ci.links if type_ == "CONNECTS_TO"}

    assert before == {"ssh on x", "ssh on y", "ssh on z"}
    assert after == before - {"ssh on y"}


def test_belief_in_a_tie_is_a_function_of_sightings_and_time() -> None:
    policy = World().model.policy
    lldp, fdb = LinkFacet(0, "lldp"), LinkFacet(0, "fdb")

    def belief(facets: dict[str, LinkFacet], hour: int) -> float:
        return confidence(facets, dict.fromkeys(facets, 0), policy, hours(hour))

    assert belief({"snmp#links/a": lldp}, 1) == 0.9
    assert belief({"snmp#links/a": lldp, "snmp#links/b": lldp}, 1) == 0.99
    assert belief({"snmp#links/a": lldp, "snmp/a": fdb}, 1) == 0.9  # one witness
    assert belief({"snmp#links/a": fdb}, 1) == 0.7
    assert belief({"snmp#links/a": lldp}, 47) == 0.9
    assert belief({"snmp#links/a": lldp}, 49) == 0.45
    assert belief({"manual/f": LinkFacet(0, "file")}, 1000) == 0.95
    assert confidence({}, {}, policy, 0) == 0.0
