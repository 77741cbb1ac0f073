"""The eight items of ISO/IEC 20000-1:2011, 9.1, judged one by one, and the file that says what answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmdb.changes import Facet
from cmdb.errors import Invalid
from cmdb.model.registry import Model
from cmdb.service.completeness import DAY_MS, Answer, Surroundings, Totals, judge
from cmdb.service.rules import ITEMS, built_in_rules, read_rules
from cmdb.service.support import Support
from cmdb.store.protocol import CIRecord, CIRef, StoredRecord

NOW = 1_764_000_000_000
FULL = {"model": "C9300", "os_version": "17.9", "sys_location": "room 4"}


def ci(ci_class: str = "NetworkDevice", status: str = "in_service", source: str = "snmp", **values: Any) -> CIRecord:
    said = {"name": "core-1", **values}
    facet = Facet(NOW - DAY_MS, "", "self", ci_class, said)
    origin = f"{source}/core-1"
    return CIRecord("c1", ci_class, "core-1", status, 1, 0, "", "", values, (), {origin: facet}, {origin: NOW - DAY_MS})


def record(kind: str, title: str, **body: Any) -> StoredRecord:
    return StoredRecord("r1", kind, "open", title, ("c1",), body)


def answer(item: str, subject: CIRecord, model: Model, now: int = NOW, **around: Any) -> Answer:
    found = judge(subject, Surroundings(**around), built_in_rules(model), model, now)
    assert tuple(a.item for a in found.answers) == ITEMS
    return found.answers[ITEMS.index(item)]  # type: ignore[arg-type]


SHOP = Support(CIRef("s1", "Service", "shop"), "web-1")
OLD = NOW + 31 * DAY_MS
CASES: list[tuple[str, CIRecord, dict[str, Any], str, str]] = [
    ("description", ci(**FULL), {}, "present", "model: C9300"),
    ("description", ci(roles=["router", "switch"]), {}, "present", "roles: router, switch"),
    ("description", ci(), {}, "absent", "none of model, vendor, roles, sys_description is known"),
    ("relationships", ci(), {}, "absent", "it has no relationship to another CI"),
    ("relationships", ci(), {"relationships": {"RUNS_ON": 1, "CONTAINS": 2}}, "present", "2 CONTAINS, 1 RUNS_ON"),
    ("services", ci(), {}, "absent", "no service rests on it"),
    ("services", ci(), {"services": (SHOP,)}, "present", "shop through web-1"),
    ("services", ci(status="in_stock"), {}, "not_applicable", "it is in_stock"),
    ("services", ci(status="missing"), {}, "absent", "no service rests on it"),
    ("services", ci("Service"), {}, "absent", "nothing says what the service needs"),
    ("services", ci("Service"), {"needs": 2}, "present", "its components are in 2 requirements"),
    ("services", ci("VLAN"), {}, "not_applicable", "not asked of this class"),
    ("status", ci(), {}, "present", "in_service"),
    ("status", ci(), {"now": OLD}, "absent", "in_service, last said 32 days ago"),
    ("status", ci("Service", source="manual"), {"now": OLD}, "present", "in_service"),
    ("version", ci(**FULL), {}, "present", "os_version: 17.9"),
    ("version", ci(), {}, "absent", "none of os_version is known"),
    ("version", ci("Interface"), {}, "not_applicable", "not asked of this class"),
    ("location", ci(**FULL), {}, "present", "sys_location: room 4"),
    ("location", ci("Module"), {"holders": (ci(**FULL),)}, "present", "sys_location of core-1: room 4"),
    ("location", ci(), {"place": "LOCATED_IN: rack-7"}, "present", "LOCATED_IN: rack-7"),
    ("location", ci(), {}, "absent", "nothing says where it is"),
    ("location", ci("Service"), {}, "not_applicable", "not asked of this class"),
    ("changes", ci(), {}, "not_applicable", "nothing under control has changed since it was first seen"),
    ("changes", ci("Segment"), {"altered": True}, "not_applicable", "nothing of this class is under control"),
    (
        "changes",
        ci(),
        {"altered": True},
        "absent",
        "something under control has changed, without a request for change",
    ),
    ("changes", ci(), {"altered": True, "records": (record("change", "x", number="CHG-7"),)}, "present", "CHG-7"),
    ("problems", ci(), {}, "not_applicable", "no problem or known error is about it"),
    ("problems", ci(), {"records": (record("known_error", "fan stops"),)}, "present", "fan stops"),
]


@pytest.mark.parametrize(("item", "subject", "around", "state", "text"), CASES)
def test_an_item(item: str, subject: CIRecord, around: dict[str, Any], state: str, text: str, model: Model) -> None:
    found = answer(item, subject, model, **around)

    assert (found.state, found.text) == (state, text)


def test_an_answer_names_its_source_and_time(model: Model) -> None:
    for item in ("description", "status", "version", "location"):
        found = answer(item, ci(**FULL), model)

        assert (found.source, found.at) == ("snmp", NOW - DAY_MS)


def test_the_score_counts_what_applies(model: Model) -> None:
    rules = built_in_rules(model)
    bare = judge(ci(), Surroundings(), rules, model, NOW)
    full = judge(ci(**FULL), Surroundings({"CONTAINS": 1}, (SHOP,)), rules, model, NOW)

    assert bare.missing == ("description", "relationships", "services", "version", "location")
    assert bare.score == 1 / 6  # changes and problems do not apply
    assert (full.missing, full.score) == ((), 1.0)


def test_totals_are_kept_by_class(model: Model) -> None:
    totals = Totals()
    for subject in (ci(), ci(**FULL), ci("Interface")):
        totals.add(subject.ci_class, judge(subject, Surroundings(), built_in_rules(model), model, NOW))
    device, port = sorted(totals.rows(), key=lambda r: r.ci_class, reverse=True)

    assert (device.ci_class, device.cis, device.score) == ("NetworkDevice", 2, round((1 / 6 + 4 / 6) / 2, 4))
    assert device.missing["services"] == 2
    assert device.missing["version"] == 1
    assert port.cis == 1


def test_every_class_has_rules(model: Model) -> None:
    rules = built_in_rules(model)
    public = {n for n, c in model.classes.items() if not c.internal}

    assert rules.classes.keys() == public
    assert [n for n in public if "description" in rules.classes[n].left_out] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: {Devise: {}}", "classes.Devise: there is no such class; did you mean Device"),
        ("classes: {Module: {version: [firmwre_version]}}", "no attribute 'firmwre_version'; did you mean firmware_v"),
        ("classes: {Module: {colour: [model]}}", "classes.Module.colour: unknown key"),
        ("classes: {Module: {services: [model]}}", "can only be `none`"),
        ("classes: {Module: {version: model}}", "must be a list of attributes, or none"),
        ("classes: {Module: 7}", "must be a mapping of items to attributes"),
        ("classes: [", "is not good YAML"),
    ],
)
def test_rules_that_make_no_sense_are_refused(text: str, message: str, model: Model, tmp_path: Path) -> None:
    file = tmp_path / "completeness.yaml"
    file.write_text(f"status_days: 30\nlasting_sources: [manual]\n{text}\n")

    with pytest.raises(Invalid, match=message.replace("[", r"\[")):
        read_rules(file, model)
