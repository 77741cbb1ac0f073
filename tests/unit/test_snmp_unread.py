"""An agent that falls silent in the middle: what was not read must not change what the device is."""

from __future__ import annotations

import copy

import pytest

from cmdb.observation import CLASS_TABLE, Report
from collectors.snmp.interpret import AROUND, interpret
from collectors.transport.answers import Answers, Oid, Outcome, Walk
from tests.unit.snmp_answers import AT, read
from tests.unit.test_profiles import GOLDEN

CASES = [
    *("cisco-ios", "hpe-comware", "juniper-junos", "synology-dsm", "linux", "generic", "ups-standard", "printer"),
    *("dell-idrac", "nokia-sros", "openwrt"),
]
DECIDED = ("vendor", "model", "serial_number", "os_name", "os_version", "roles")


def without(answers: Answers, silent: Oid) -> Answers:
    """The same answers, had the agent not answered for one column or scalar."""
    cut = copy.copy(answers)
    cut.tables = answers.tables | {silent: Walk(silent, Outcome.TIMEOUT)}
    cut.scalars = {oid: found for oid, found in answers.scalars.items() if oid != silent}
    return cut


def whole(case: str) -> Answers:
    return read(GOLDEN / case / "recording.snmprec")


def told(answers: Answers) -> Report:
    return interpret("lab-1", "", answers, AT)


@pytest.mark.parametrize("case", CASES)
def test_time_out_anywhere_changes_neither_class_nor_identity(case: str) -> None:
    answers = whole(case)
    before = told(answers).observations[0]
    system = {oid for oid in answers.scalars if oid[:7] == (1, 3, 6, 1, 2, 1, 1)}  # without it nothing is read at all

    for silent in [*answers.tables, *(answers.scalars.keys() - system)]:
        report = told(without(answers, silent))
        after = report.observations[0]

        assert not report.complete or silent in AROUND
        assert after.ci_class == before.ci_class or CLASS_TABLE not in report.tables
        changed = {a for a in DECIDED if a in after.attributes and after.attributes[a] != before.attributes.get(a)}
        assert changed == set(), silent
        assert {i.key for i in after.identifiers} <= {i.key for i in before.identifiers}, silent


def test_profile_that_is_not_decided_says_nothing_of_what_follows_from_it() -> None:
    answers = whole("synology-dsm")
    report = told(without(answers, (1, 3, 6, 1, 4, 1, 6574, 1, 5, 1, 0)))

    assert not set(DECIDED) & report.observations[0].attributes.keys()
    assert CLASS_TABLE not in report.tables
    assert not report.complete


def test_lesser_rule_does_not_speak_for_one_that_could_not_be_applied() -> None:
    answers = whole("juniper-junos")
    serial = (1, 3, 6, 1, 4, 1, 2636, 3, 1, 3, 0)
    cut = without(answers, serial)
    cut.tables |= {c: w for c, w in answers.tables.items() if c[:7] == (1, 3, 6, 1, 4, 1, 2636)}

    assert told(answers).observations[0].attributes["serial_number"]
    assert "serial_number" not in told(cut).observations[0].attributes


def test_ports_whose_names_were_cut_off_are_not_told_by_other_names() -> None:
    answers = whole("cisco-ios")
    names = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
    cut = without(answers, names)
    cut.tables[names] = Walk(names, Outcome.CUT, answers.tables[names].varbinds[:1])

    def ports(report: Report) -> set[str]:
        return {o.key for o in report.observations if o.ci_class == "Interface"}

    assert len(ports(told(answers))) > 1
    assert len(ports(told(cut))) == 1
    assert ports(told(cut)) < ports(told(answers))
    assert not told(cut).complete
