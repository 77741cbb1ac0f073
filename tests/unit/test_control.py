"""Who may edit what: the policy file, roles, versions, and what counts as an edit."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from cmdb.changes import Facet, ManifestEntry, digest
from cmdb.edit import check_revision
from cmdb.entrypoints.settings import load
from cmdb.errors import Invalid, Refused, UsageError
from cmdb.model.registry import Model
from cmdb.observation import Link, Observation, Report, Value
from cmdb.service.control import Edit, edits_of, role_of
from cmdb.service.people import same_person
from cmdb.service.policy import ControlPolicy, built_in_policy, read_policy
from cmdb.store.protocol import CIRecord, TargetState

HEAD = """
sources: [manual]
approve: [change_manager]
default: {edit: [operator, administrator], reason: false, level: automatic}
"""
RULES = """
classes:
  Device:
    reason: true
    attributes: {model: {edit: [administrator]}}
  NetworkDevice:
    level: review
    attributes: {os_version: {level: automatic, reason: false}}
"""


def policy(tmp_path: Path, model: Model, text: str = RULES, head: str = HEAD) -> ControlPolicy:
    file = tmp_path / "control.yaml"
    file.write_text(head + text)
    return read_policy(file, model)


def test_the_nearest_word_holds(tmp_path: Path, model: Model) -> None:
    found = policy(tmp_path, model)
    rules = {
        (c, a): (sorted(found.rule(c, a).edit), found.rule(c, a).reason, found.rule(c, a).level)
        for c, a in (("Service", ""), ("Printer", "model"), ("NetworkDevice", "model"), ("NetworkDevice", "os_version"))
    }
    both = ["administrator", "operator"]

    assert rules == {
        ("Service", ""): (both, False, "automatic"),
        ("Printer", "model"): (["administrator"], True, "automatic"),
        ("NetworkDevice", "model"): (["administrator"], True, "review"),
        ("NetworkDevice", "os_version"): (both, False, "automatic"),
    }
    assert [found.controls(s) for s in ("manual", "manual:x", "snmp")] == [True, True, False]


def test_the_policy_that_comes_with_the_program_lets_everything_through(model: Model) -> None:
    found = built_in_policy(model)

    assert {found.rule(c.name).level for c in model.classes.values()} == {"automatic"}
    assert not any(found.rule(c.name, a).reason for c in model.classes.values() for a in c.attributes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: {NetworkDevise: {level: review}}", "no such class; did you mean NetworkDevice"),
        ("classes: {Requirement: {level: review}}", "classes.Requirement: there is no such class"),
        ("classes: {Service: {attributes: {critcality: {reason: true}}}}", "did you mean criticality"),
        ("classes: {Service: {edit: [operater]}}", "'operater' is not allowed; did you mean operator"),
        ("classes: {Service: {level: maybe}}", "'maybe' is not allowed"),
        ("classes: {Service: {reason: 1}}", "must be true or false"),
        ("classes: {Service: {colour: red}}", "unknown key"),
        ("classes: {Service: 3}", "must be a mapping of edit, reason, level and attributes"),
        ("classes: {Service: {attributes: {name: 3}}}", "must be a mapping of edit, reason and level"),
        ("", "classes: is missing"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(text: str, message: str, tmp_path: Path, model: Model) -> None:
    with pytest.raises(Invalid, match=message):
        policy(tmp_path, model, text)


def test_an_unknown_source_is_refused(tmp_path: Path, model: Model) -> None:
    with pytest.raises(Invalid, match="there is no kind of source 'manuel'; did you mean manual"):
        policy(tmp_path, model, head=HEAD.replace("[manual]", "[manuel]"))


@pytest.mark.parametrize(
    ("roles", "actor", "expected"),
    [
        ({}, "ann@office", "administrator"),
        ({"Ann": "auditor"}, "ann@office", "auditor"),
        ({"ann": "auditor"}, "otto@office", "viewer"),
        ({"ann": "auditor"}, "push:manual", "feeder"),
        ({"push:manual": "viewer"}, "push:manual", "viewer"),
    ],
)
def test_roles(roles: dict[str, str], actor: str, expected: str) -> None:
    assert role_of(roles)(actor) == expected


def test_people_are_told_apart_by_login() -> None:
    assert same_person("Ann@office", " ann@home")
    assert same_person("ann", "ann@office")
    assert not same_person("ann", "anna")


def test_roles_are_settings(tmp_path: Path) -> None:
    file = tmp_path / "cmdb.toml"
    file.write_text('[roles]\nann = "auditor"\n')

    assert load({}, {}, [file])[0].roles == {"ann": "auditor"}
    assert load({}, {"CMDB_ROLES": "ann=viewer, otto = operator"}, [file])[0].roles == {
        "ann": "viewer",
        "otto": "operator",
    }
    with pytest.raises(UsageError, match=r"roles\.ann"):
        load({}, {"CMDB_ROLES": "ann=king"}, [])


def known(revision: int = 4, **said: object) -> CIRecord:
    facet = Facet(0, "", "self", "NetworkDevice", {"name": "core-1", **said})
    return CIRecord("c1", "NetworkDevice", "core-1", "in_service", revision, 0, "", "", {}, (), {"manual/x": facet}, {})


def test_a_version_that_moved_on_is_a_conflict() -> None:
    check_revision(known(), None)
    check_revision(known(), 4)
    with pytest.raises(Refused, match="core-1 is at revision 4, not 3: somebody changed it; read it again") as refused:
        check_revision(known(), 3)

    assert (refused.value.field, refused.value.code) == ("expectedVersion", "VERSION_CONFLICT")


def device(links: tuple[Link, ...] = (), **said: object) -> Observation:
    return Observation("NetworkDevice", "k", {"name": "core-1", **said}, links=links)


def edits(before: Observation | None, *now: Observation, complete: bool = True) -> list[tuple[str, str, str]]:
    manifest = {"k": ManifestEntry(digest(before), "c1")} if before is not None else {}
    state = TargetState(b"", 0, 0, (), manifest)
    said = dict(before.attributes) if before is not None else {}
    said.pop("name", None)
    found = edits_of(Report("manual", "x", 1, now, complete), state, {"c1": known(**said)})
    assert all(isinstance(e, Edit) for e in found)
    return [(e.path, e.ci_class, e.attribute) for e in found]


def test_what_counts_as_an_edit() -> None:
    requirement = Observation("Requirement", "power", {"name": "power", "needed": 1}, parent="k")
    where = "k|Requirement|power"

    assert edits(device(model="a"), device(model="a")) == []
    assert edits(device(model="a"), device(model="b")) == [("k", "NetworkDevice", "model")]
    assert edits(device(model="a"), device()) == [("k", "NetworkDevice", "model")]
    assert edits(device(), device((Link("LOCATED_IN", "location:a"),))) == [("k", "NetworkDevice", "relationships")]
    assert edits(None, device(model="a")) == [("k", "NetworkDevice", n) for n in ("", "model", "name")]
    assert edits(device()) == [("k", "NetworkDevice", "status")]
    assert edits(device(), complete=False) == []
    assert set(edits(device(), device(), requirement)) == {(where, "NetworkDevice", "relationships")}


def test_what_counts_as_an_edit_of_one_ci_by_its_id() -> None:
    """A first word is no new CI, a lock is an edit of what it holds, and taking all back is one of each attribute."""
    origin, where = "manual/ci:c1", "ci:c1"
    ci = known(model="a")

    def found(said: dict[str, Value] | None, locks: tuple[str, ...], now: Observation | None) -> set[str]:
        facet = {origin: Facet(1, "", attributes=said)} if said is not None else {}
        state = TargetState(b"", 0, 0, (), {where: ManifestEntry(b"", "c1")})
        facet = {o: replace(f, locks=locks) for o, f in facet.items()}
        report = Report("manual", where, 1, (now,) if now else ())
        return {e.attribute for e in edits_of(report, state, {"c1": replace(ci, facets=facet)})}

    def says(*locks: str, **said: object) -> Observation:
        return Observation("NetworkDevice", where, said, locks=locks)

    assert found(None, (), says(model="b")) == {"model"}
    assert found({"model": "b"}, (), says("model", model="b")) == {"model"}
    assert found({"model": "b", "vendor": "c"}, ("model",), says(vendor="c")) == {"model"}
    assert found({"model": "b", "vendor": "c"}, (), None) == {"model", "vendor"}
    assert found(None, (), replace(says(), role="mentioned")) == set()
