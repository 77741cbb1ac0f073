"""Completeness of an estate on a store: services through networks and power, places through holders, few queries."""

from __future__ import annotations

import pytest

from cmdb.changes import PutRecord
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Link, Observation, Report
from cmdb.service.completeness import Completeness
from cmdb.service.examine import Examiner
from cmdb.service.support import Closure, Support
from cmdb.store.bolt import BoltStore
from tests.api.estate import HOUR, NOW, Counting, Estate, reports
from tests.contracts.build import commit


@pytest.fixture
def estate(any_store: BoltStore, model: Model) -> Estate:
    made = Estate(any_store, model)
    made.ingest.run(reports(), "tests", "first load")
    made.catch_up()
    return made


def examiner(estate: Estate) -> Examiner:
    estate.catch_up()
    return Examiner(estate.store, estate.model, estate.topology, NOW)


def found(estate: Estate, key: str) -> dict[str, tuple[str, str]]:
    (ci,) = estate.store.cis([estate.id_of(key)])
    (judged,) = examiner(estate).judge([ci])
    return {a.item: (a.state, a.text) for a in judged.answers}


def port(estate: Estate, device: str, name: str) -> str:
    where = f"{estate.id_of(device)}|Interface|{name}"
    return estate.store.by_path([where])[where]


def services(estate: Estate, ci: str) -> list[tuple[str, str]]:
    return [(s.service.name, s.through) for s in Closure(estate.topology).services_of(ci)]


def test_services_are_found_through_hosts_and_the_network(estate: Estate) -> None:
    assert services(estate, estate.id_of("web-1")) == [("shop", "")]
    assert services(estate, estate.id_of("core-1")) == [("shop", "")]  # a stated requirement
    assert services(estate, estate.id_of("access-1")) == [("shop", "the network")]
    assert services(estate, port(estate, "access-1", "Up2")) == [("shop", "the network")]
    assert services(estate, estate.id_of("dc-1")) == [("shop", "core-1")]
    assert services(estate, estate.id_of("shop")) == []
    assert Closure(estate.topology).services_of("nobody") == []


def test_a_dead_end_of_the_network_carries_nothing(estate: Estate) -> None:
    key = "serial:cisco:FOC0000ACCESS3"
    uplink = Link("CONNECTED_TO", "serial:cisco:FOC0000CORE1|Interface|Te9", {"protocols": ["lldp"]}, "lldp")
    device = Observation("NetworkDevice", key, {"name": "access-3", "roles": ["switch"]}, (Identifier(key),))
    core = Observation("NetworkDevice", "core", {"name": "core-1"}, (Identifier("serial:cisco:FOC0000CORE1"),))
    own = Observation("Interface", "Up1", {"name": "Up1"}, parent=key, links=(uplink,))
    far = Observation("Interface", "Te9", {"name": "Te9"}, parent="core")
    estate.ingest.run([Report("snmp", "access-3", NOW - HOUR, (device, own, core, far))], "tests", "one more")
    estate.catch_up()

    assert services(estate, estate.id_of("access-3")) == []
    assert services(estate, estate.id_of("access-2")) == [("shop", "the network")]


def test_the_closure_follows_the_topology(estate: Estate) -> None:
    closure = Closure(estate.topology)
    assert [s.service.name for s in closure.services_of(estate.id_of("web-1"))] == ["shop"]

    key = "service:mail"
    needs = (Link("DEPENDS_ON", "uuid:4c4c4544-0042-3510-8052-b4c04f4d3531", {}, "file"),)
    mail = Observation("Service", key, {"name": "mail"}, (Identifier(key),), links=needs)
    estate.ingest.run([Report("manual", "mail", NOW, (mail,))], "tests", "a second service")
    estate.catch_up()

    assert [s.service.name for s in closure.services_of(estate.id_of("web-1"))] == ["mail", "shop"]
    assert Support(closure.services_of(estate.id_of("access-1"))[0].service, "the network").service.name == "mail"


def test_places_come_from_holders_and_parts_support_what_their_whole_does(estate: Estate) -> None:
    (nginx,) = [ci for ci in estate.store.scan_cis() if ci.name == "nginx" and ci.parent == estate.id_of("web-1")]
    (judged,) = examiner(estate).judge([nginx])
    answers = {a.item: (a.state, a.text) for a in judged.answers}

    assert answers["services"] == ("present", "shop")
    assert answers["location"] == ("absent", "nothing says where it is")
    assert found(estate, "core-1")["location"] == ("present", "LOCATED_IN: dc-1")
    (te1,) = estate.store.cis([port(estate, "core-1", "Te1")])
    assert {a.item: a.text for a in examiner(estate).judge([te1])[0].answers}[
        "location"
    ] == "LOCATED_IN of core-1: dc-1"


def test_a_change_under_control_asks_for_a_request(estate: Estate) -> None:
    key = "serial:cisco:FOC0000CORE2"
    assert found(estate, "core-2")["changes"][0] == "not_applicable"

    said = Observation("NetworkDevice", key, {"name": "core-2", "os_version": "17.12"}, (Identifier(key),))
    estate.ingest.run([Report("manual", "versions", NOW, (said,))], "tests", "an update")

    assert found(estate, "core-2")["changes"][0] == "absent"

    commit(estate.store, PutRecord("r1", "change", "closed", "update", (estate.id_of(key),), {"number": "CHG-1"}))

    assert found(estate, "core-2")["changes"] == ("present", "CHG-1")
    assert found(estate, "core-1")["changes"][0] == "not_applicable"


def test_what_is_not_controlled_may_change(estate: Estate) -> None:
    key = "serial:cisco:FOC0000CORE2"
    said = Observation("NetworkDevice", key, {"name": "core-2", "sys_contact": "noc"}, (Identifier(key),))
    estate.ingest.run([Report("manual", "contacts", NOW, (said,))], "tests", "a contact")
    (ci,) = estate.store.cis([estate.id_of(key)])

    assert ci.revision > 1
    assert found(estate, "core-2")["changes"][0] == "not_applicable"


def test_the_number_of_queries_does_not_grow_with_the_cis(estate: Estate) -> None:
    counting = Counting(estate.store)
    judging = Examiner(counting, estate.model, estate.topology, NOW)  # type: ignore[arg-type] # it passes all on
    cis = [ci for ci in estate.store.scan_cis() if ci.ci_class in judging.rules.classes]
    judging.judge(cis[:1])
    few = list(counting.calls)
    counting.calls.clear()
    judging.judge(cis)

    assert len(cis) > 10
    assert len(counting.calls) <= len(few)


def test_a_stream_judges_all_but_internal_ones(estate: Estate) -> None:
    judged = dict[str, Completeness]()
    for ci, answers in examiner(estate).stream(estate.store.scan_cis()):
        judged[ci.name] = answers

    assert "power" not in judged
    assert judged["shop"].missing == ()
    assert judged["dc-1"].missing == ()
    assert judged["web-1"].missing == ("version", "location")
    assert judged["core-1"].missing == ()
