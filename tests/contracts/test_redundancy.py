"""Redundancy that was discovered: from recordings of routers behind one address to what the loss of one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.impact import Impact, Seed, evaluate
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.observation import Link, Observation, Report, path
from cmdb.requirements import ProviderAsked, RequirementAsked, save_requirement
from cmdb.store.bolt import BoltStore
from cmdb.topology import Topology
from collectors.links.relate import relate
from collectors.snmp.interpret import interpret
from collectors.snmp.surroundings import surroundings
from collectors.transport.replay import find_recordings
from tests.contracts.test_edit import named
from tests.contracts.test_ingest import ids
from tests.reports import device, port, report
from tests.unit.snmp_answers import AT, read
from tests.unit.test_links_pools import server

GOLDEN = Path(__file__).parent.parent / "golden" / "redundancy"
GATEWAY, OFFICE = "HSRP 10 192.0.2.1", "HSRP 20 198.51.100.1"  # of the second one gw-2 can't take over


def pair(case: str, at: int = AT) -> list[Report]:
    """What both routers of a recorded pair say."""
    return [interpret(t.name, t.address, read(t.path), at) for t in find_recordings([GOLDEN / case])]


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    return Ingest(any_store, model, lambda: 1_000, ids())


def topology(ingest: Ingest) -> Topology:
    made, head = Topology(ingest.model), ingest.store.head()
    made.load(ingest.store.scan_cis(), ingest.store.scan_relationships(), head.sequence, head.at)
    return made


def fail(ingest: Ingest, *names: str) -> Impact:
    return evaluate(topology(ingest), [Seed(named(ingest.store, n).id) for n in names], first=1_000)


def groups(ingest: Ingest) -> dict[str, tuple[int, str, dict[str, int]]]:
    """Of each cluster what it needs: how much, what a loss does, and of whom with which weight."""
    made = topology(ingest)
    found: dict[str, tuple[int, str, dict[str, int]]] = {}
    for ci in ingest.store.scan_cis():
        if ci.ci_class == "Cluster":
            (one,) = made.requirements_of(ci.id)

            assert (one.origin, one.name) == ("DISCOVERED", "members")
            found[ci.name] = (one.needed, one.on_loss, {p.ci.name: p.weight for p in one.providers})
    return found


def states(answer: Impact, *classes: str) -> dict[str, tuple[str, int | None]]:
    return {n.ci.name: (n.state, n.n_more) for n in answer.nodes if n.ci.ci_class in classes}


def test_two_routers_are_members_of_one_group_and_stay_two(ingest: Ingest) -> None:
    ingest.run(pair("hsrp-pair"), "test", "")
    routers = [c.name for c in ingest.store.scan_cis() if c.ci_class == "NetworkDevice"]

    assert sorted(routers) == ["gw-1", "gw-2"]
    assert groups(ingest) == {
        GATEWAY: (1, "AT_RISK", {"gw-1": 1, "gw-2": 1}),
        OFFICE: (1, "AT_RISK", {"gw-1": 1, "gw-2": 0}),
    }
    (one,) = topology(ingest).requirements_of(named(ingest.store, GATEWAY).id)
    assert one.evidence == ("snmp/gw-1", "snmp/gw-2")
    ties = [r for r in ingest.store.scan_relationships() if r.type == "MEMBER_OF"]
    assert {(name, facet.method) for r in ties for name, facet in r.facets.items()} == {
        ("snmp/gw-1", "hsrp"),
        ("snmp/gw-2", "hsrp"),
    }


def test_one_router_is_a_risk_where_the_other_takes_over_and_both_are_the_end(ingest: Ingest) -> None:
    ingest.run(pair("hsrp-pair"), "test", "")
    one, both = fail(ingest, "gw-1"), fail(ingest, "gw-1", "gw-2")

    assert states(one, "Cluster") == {GATEWAY: ("AT_RISK", 1), OFFICE: ("DOWN", None)}
    assert states(fail(ingest, "gw-2"), "Cluster")[GATEWAY] == ("AT_RISK", 1)
    (spared,) = (s for s in one.spared if s.ci.name == GATEWAY)
    assert [(p.name, p.weight) for p in spared.carriers] == [("gw-2", 1)]
    assert states(both, "Cluster") == {GATEWAY: ("DOWN", None), OFFICE: ("DOWN", None)}
    virtual = {n.ci.id: n.state for n in both.nodes if n.ci.ci_class == "IPAddress" and n.ci.name.endswith(".1")}
    assert list(virtual.values()) == ["DOWN", "DOWN"]


def test_the_same_graph_in_any_order_and_nothing_new_the_second_time(ingest: Ingest) -> None:
    first, second = pair("vrrp-pair")
    ingest.run([second], "test", "")
    ingest.run([first], "test", "")
    found, head = groups(ingest), ingest.store.head().sequence
    ingest.run([first, second], "test", "")

    assert found == {
        name: (1, "AT_RISK", {"vr-1": 1, "vr-2": 1})
        for name in ("VRRP 10 192.0.2.1", "VRRP 20 198.51.100.1", "VRRP 20 2001:db8:1::1")
    }
    assert ingest.store.head().sequence == head
    assert sorted(c.name for c in ingest.store.scan_cis() if c.ci_class == "NetworkDevice") == ["vr-1", "vr-2"]


def test_a_router_leaves_a_group_by_its_word_and_not_by_its_silence(ingest: Ingest) -> None:
    first, second = pair("hsrp-pair")
    ingest.run([first, second], "test", "")
    ingest.run([_without(second, AT + 1, OFFICE)], "test", "")
    left = groups(ingest)
    ingest.run([_without(second, AT + 2, OFFICE, GATEWAY)], "test", "")

    assert left[OFFICE] == (1, "AT_RISK", {"gw-1": 1})
    assert left[GATEWAY] == groups(ingest)[GATEWAY] == (1, "AT_RISK", {"gw-1": 1, "gw-2": 1})


def test_a_group_that_all_have_left_is_a_finding_and_breaks_nothing(ingest: Ingest) -> None:
    first, second = pair("hsrp-pair")
    ingest.run([first, second], "test", "")
    for one in (first, second):
        ingest.run([_without(one, AT + 1, OFFICE)], "test", "")
    office = named(ingest.store, OFFICE).id
    (left,) = topology(ingest).requirements_of(office)

    assert (left.providers, left.holds) == ((), False)
    assert [f.kind for f in topology(ingest).findings_of(office)] == ["NEEDS_TOO_MUCH"]
    assert OFFICE not in states(fail(ingest, "gw-1", "gw-2"), "Cluster")


def test_a_person_who_knows_better_asks_for_both(ingest: Ingest) -> None:
    ingest.run(pair("hsrp-pair"), "test", "")
    both = tuple(ProviderAsked(named(ingest.store, name).id) for name in ("gw-1", "gw-2"))
    wanted = RequirementAsked(named(ingest.store, GATEWAY).id, "load", 2, both)
    save_requirement(ingest, wanted, "eve", "each carries half of it", {"lan"})

    assert states(fail(ingest, "gw-2"), "Cluster") == {GATEWAY: ("DOWN", None)}


def _without(found: Report, at: int, *names: str) -> Report:
    """The same router in fewer groups; where it tells of none at all, the tables have answered nothing."""
    gone = {o.key for o in found.observations if o.attributes.get("name") in names}
    router, *rest = (o for o in found.observations if not gone & {o.key, o.parent})
    links = tuple(link for link in router.links if link.to not in gone)
    rest = [o for o in rest if not gone & {link.to for link in o.links}]
    kept = Observation(router.ci_class, router.key, router.attributes, router.identifiers, links=links)
    tables = tuple(t for t in found.tables if links or t != "groups")
    return Report(found.source, found.target, at, (kept, *rest), tables=tables)


def test_either_router_grounds_the_network(ingest: Ingest) -> None:
    first, second = pair("hsrp-pair")
    cables = [
        port("serial:x:SW1", f"1/{n}", links=(Link("CONNECTED_TO", path(r.observations[0].key, "Interface", "Gi0/0")),))
        for n, r in enumerate((first, second))
    ]
    host = path("serial:x:PC1", "Interface", "eth0")
    switch = (
        device("sw-1", "serial:x:SW1", roles=["switch"]),
        *cables,
        port("serial:x:SW1", "1/9", links=(Link("CONNECTED_TO", host),)),
    )
    computer = (device("pc-1", "serial:x:PC1", ci_class="Computer"), port("serial:x:PC1", "eth0"))
    ingest.run([first, second, report("pc-1", AT, *computer), report("sw-1", AT, *switch)], "test", "")
    (lan,) = topology(ingest).planes()
    one, both = fail(ingest, "gw-1"), fail(ingest, "gw-1", "gw-2")

    assert sorted(root.name for root in lan.roots) == ["gw-1", "gw-2"]
    assert not lan.is_stated
    assert states(one, "NetworkDevice", "Computer") == {"gw-1": ("DOWN", None)}
    assert states(both, "NetworkDevice", "Computer") == {
        "gw-1": ("DOWN", None),
        "gw-2": ("DOWN", None),
        "sw-1": ("ISOLATED", None),
        "pc-1": ("DOWN", None),
    }


def test_a_pool_is_degraded_by_one_server_and_down_below_what_it_needs(ingest: Ingest) -> None:
    answers = read(GOLDEN / "pools" / "lb-1.snmprec")
    reports = [interpret("lb-1", "", answers, AT), server(1, "tcp/0.0.0.0:80"), server(2)]
    ingest.run([*reports, *relate(reports, [surroundings("lb-1", "", answers, AT)])], "test", "")
    head = ingest.store.head().sequence
    ingest.run([*reports, *relate(reports, [surroundings("lb-1", "", answers, AT)])], "test", "")
    one, both = fail(ingest, "nginx"), fail(ingest, "web-1", "web-2")
    (web,) = topology(ingest).requirements_of(named(ingest.store, "/Common/web").id)

    assert ingest.store.head().sequence == head
    assert (web.needed, web.on_loss, web.origin, web.evidence) == (1, "DEGRADED", "DISCOVERED", ("snmp#links/lb-1",))
    assert {p.ci.name: p.weight for p in web.providers} == {"nginx": 1, "web-2": 1, "192.0.2.13": 0}
    assert states(one, "Cluster") == {"/Common/web": ("DEGRADED", None)}
    assert states(fail(ingest, "web-1"), "Cluster") == {
        "/Common/web": ("DEGRADED", None),
        "/Common/api": ("DOWN", None),
    }
    assert {n: s for n, s in states(both, "Cluster", "SoftwareInstance").items() if n.startswith("/")} == {
        name: ("DOWN", None) for name in ("/Common/web", "/Common/api", "/Common/vs-web", "/Common/vs-api")
    }
