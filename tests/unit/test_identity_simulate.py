"""Other rules of identity, tried on what is known before they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.changes import Facet
from cmdb.entrypoints.rules import read_rules
from cmdb.errors import Invalid
from cmdb.model.registry import Model, load_model
from cmdb.observation import Identifier
from cmdb.reconcile.simulate import Simulated, simulate
from cmdb.store.protocol import CIRecord

MODEL = load_model()


def keys(*given: str) -> tuple[Identifier, ...]:
    """Identifiers; a question mark at the end makes a weak one."""
    return tuple(Identifier(k.removesuffix("?"), not k.endswith("?")) for k in given)


def ci(id_: str, ci_class: str = "Computer", **told: tuple[str, ...]) -> CIRecord:
    """A CI by what each source says of it."""
    facets = {f"{s}/{id_}": Facet(1, s, "self", ci_class, {"name": id_}, keys(*k)) for s, k in told.items()}
    held = {i.key: i for f in facets.values() for i in f.identifiers}
    return CIRecord(id_, ci_class, id_, "in_service", 1, 1, "", "", {}, tuple(held.values()), facets, {})


def under(rules: str, tmp_path: Path) -> Model:
    file = tmp_path / "rules.yaml"
    file.write_text(rules, "utf-8")
    return read_rules(file, MODEL)


def outcomes(found: list[Simulated]) -> set[tuple[str, tuple[str, ...]]]:
    return {(one.outcome, one.cis) for one in found}


CLONES = [
    ci("a", ssh=("machine-id:5f0c?", "mac:00:50:56:9a:10:01?", "target:a?")),
    ci("b", ssh=("machine-id:5f0c?", "mac:00:50:56:9a:10:02?", "target:b?")),
    ci("c", ssh=("machine-id:77aa?", "mac:00:50:56:9a:10:03?", "target:c?")),
]


def test_the_rules_that_hold_change_nothing() -> None:
    assert list(simulate(CLONES, MODEL, MODEL)) == []


def test_a_key_that_becomes_strong_merges(tmp_path: Path) -> None:
    rules = "Device:\n  identifiers:\n    - {scheme: machine-id, strong: true, confirmed_by: [target]}\n"
    with pytest.raises(Invalid):
        under(rules.replace("target", "no-such"), tmp_path)

    alone = under(
        "Device:\n  identifiers:\n    - {scheme: machine-id, strong: true, confirmed_by: [sysname]}\n", tmp_path
    )
    assert outcomes(list(simulate(CLONES, MODEL, alone))) == {("ask", ("a", "b"))}

    named = [
        ci("a", ssh=("machine-id:5f0c?", "sysname:web.example.net?", "target:a?"), snmp=("engine-id:80000a1b2c3d4e",)),
        ci("b", ssh=("machine-id:5f0c?", "sysname:web?", "target:b?"), snmp=("serial:dell:ABC1234",)),
    ]
    (found,) = simulate(named, MODEL, alone)
    assert (found.outcome, found.cis, found.rule) == ("merge", ("a", "b"), "strong identifier machine-id:5f0c")
    assert "machine-id:5f0c" in found.supports


def test_a_scheme_that_no_longer_decides_splits(tmp_path: Path) -> None:
    one = ci("a", snmp=("serial:dell:ABC1234", "target:a?"), inventory=("serial:dell:ABC1234", "target:x?"))
    weak = under("Device:\n  identifiers:\n    - {scheme: serial, strong: false, proposes: false}\n", tmp_path)

    (found,) = simulate([one], MODEL, weak)

    assert (found.outcome, found.cis) == ("split", ("a",))
    assert found.parts == (("inventory/a",), ("snmp/a",))


def test_a_check_that_is_dropped_merges_clones_and_one_that_is_added_splits(tmp_path: Path) -> None:
    blind = under("VirtualMachine:\n  identifiers:\n    - {scheme: uuid, checked_by: [target]}\n", tmp_path)
    uuid = "uuid:4213d9a8-17c4-6b6e-9f70-2b1d0c3e5a77"
    clones = [
        ci("a", "VirtualMachine", ssh=(uuid, "mac:00:50:56:9a:10:01?", "target:a?")),
        ci("b", "VirtualMachine", ssh=(uuid, "mac:00:50:56:9a:10:02?", "target:b?")),
    ]

    assert outcomes(list(simulate(clones, MODEL, blind))) == {("merge", ("a", "b"))}
    assert outcomes(list(simulate(clones, blind, MODEL))) == {("ask", ("a", "b"))}

    both = ci(
        "a",
        "VirtualMachine",
        ssh=(uuid, "mac:00:50:56:9a:10:01?", "target:a?"),
        inventory=(uuid, "mac:00:50:56:9a:10:02?", "target:b?"),
    )
    (found,) = simulate([both], blind, MODEL)
    assert (found.outcome, len(found.parts)) == ("split", 2)
    assert found.supports == (uuid,)


def test_what_contradicts_is_asked_and_not_merged(tmp_path: Path) -> None:
    three = [
        ci("a", ssh=("serial:dell:ABC1234", "machine-id:5f0c?")),
        ci("b", ssh=("uuid:4213d9a8-17c4-6b6e-9f70-2b1d0c3e5a77", "machine-id:5f0c?")),
        ci("c", ssh=("serial:dell:XYZ9876", "machine-id:5f0c?")),
    ]
    trusting = under(
        "Device:\n  identifiers:\n    - {scheme: machine-id, strong: true, confirmed_by: [mac]}\n"
        "Computer:\n  identifiers:\n    - {scheme: machine-id, strong: true, exclusive: true, checked_by: [mac],"
        " confirmed_by: [mac]}\n",
        tmp_path,
    )
    assert all(one.outcome == "ask" for one in simulate(three, MODEL, trusting))


def test_heirs_follow_the_class_above_unless_they_have_rules_of_their_own(tmp_path: Path) -> None:
    changed = under("Device:\n  identifiers:\n    - {scheme: sysname, proposes: false}\n", tmp_path)

    assert not changed.identifier_rules("Computer")["sysname"].proposes
    assert not changed.identifier_rules("NetworkDevice")["sysname"].proposes
    assert changed.identifier_rules("VirtualMachine")["sysname"].proposes
    assert MODEL.identifier_rules("Computer")["sysname"].proposes


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("Computre:\n  identifiers: []\n", "there is no class 'Computre'; did you mean Computer"),
        ("Computer:\n  identifiers:\n    - {scheme: serail}\n", "'serail' does not identify a Computer; did you mean"),
        ("Computer:\n  identifiers:\n    - {scheme: mac, shar: 3}\n", "unknown key; did you mean share"),
        ("Computer:\n  identifiers:\n    - {scheme: mac, share: 101}\n", "101 is no percentage"),
        ("Computer:\n  identifiers:\n    - {scheme: mac, least: -1}\n", "-1 is out of range"),
        ("Computer:\n  identifiers:\n    - {scheme: mac, renewable: true}\n", "only another value of an exclusive"),
        ("Computer:\n  identifiers:\n    - {scheme: mac, values_in: [macs]}\n", "there is no attribute 'macs'"),
        ("Computer:\n  identifiers:\n    - {scheme: mac, checked_by: [mac]}\n", "'mac' is no other identifier"),
        ("Computer:\n  identifiers:\n    - {scheme: mac, spelling: uid}\n", "'uid' is not allowed; did you mean uuid"),
        ("Computer:\n  identifiers:\n    - {scheme: mac}\n    - {scheme: mac}\n", "'mac' stands here twice"),
        ("Computer: 5\n", "must be a mapping with identifiers"),
        ("Computer: {}\n", "identifiers: is missing"),
        ("- 1\n", "must be a mapping"),
        ("a: [", "is not good YAML"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as raised:
        under(rules, tmp_path)
    assert str(raised.value).startswith("the rules can't be used:\n")
    assert said in str(raised.value)


def test_many_holders_of_one_key_stay_quick() -> None:
    crowd = [ci(f"{n:05}", ssh=("machine-id:5f0c?", f"serial:dell:S{n:06}")) for n in range(2_000)]

    assert list(simulate(crowd, MODEL, MODEL)) == []
