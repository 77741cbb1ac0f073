"""A model folder with mistakes is refused with all of them, each with its file and key."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import cmdb.model
from cmdb.errors import Invalid
from cmdb.model.document import main
from cmdb.model.registry import Model, load_model

BUILT_IN = Path(cmdb.model.__file__).parent
VLAN = "classes/vlan.yaml"
MODULE = "classes/module.yaml"
COMPUTER = "classes/computer.yaml"
RELATIONSHIPS = "relationships.yaml"
PRECEDENCE = "precedence.yaml"
ATTRIBUTE = "\n  flavour: {type: string, description: Taste.}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the built-in model that a test may spoil."""
    shutil.copytree(BUILT_IN, tmp_path / "model", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "model"


def complaints(folder: Path) -> list[str]:
    """What the loader says of a folder, line by line."""
    with pytest.raises(Invalid) as raised:
        load_model(folder)
    head, *lines = str(raised.value).splitlines()
    assert head == "the model can't be used:"
    return lines


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace a text that stands in a file."""
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_copy_is_the_same_model(folder: Path) -> None:
    assert load_model(folder).version == load_model().version
    assert load_model(folder).classes == load_model().classes
    assert load_model() is load_model()


def test_the_version_changes_with_any_file(folder: Path) -> None:
    versions = {load_model().version}
    for file in (VLAN, RELATIONSHIPS, PRECEDENCE, "vendors.yaml", "placeholders.yaml"):
        (folder / file).write_text((folder / file).read_text("utf-8") + "\n# a note\n", "utf-8")
        versions.add(load_model(folder).version)

    assert len(versions) == 6


def test_a_new_class_takes_one_file(folder: Path) -> None:
    text = (
        "class: Rack\ndescription: Frame.\nidentifiers: [{scheme: rack, strong: true, description: Name.}]\nattributes:"
    )
    (folder / "classes" / "rack.yaml").write_text(f"{text}{ATTRIBUTE}", "utf-8")

    model = load_model(folder)

    assert model.check_attributes("Rack", {"flavour": "oak"}) == ({"flavour": "oak"}, [])
    assert model.check_ends("LOCATED_IN", "Rack", "Location") is None


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (VLAN, "description: V", "descripton: V", "descripton: unknown key; did you mean description?"),
        (VLAN, "description: V", "descripton: V", "description: is missing; add it (text)"),
        (VLAN, "class: VLAN", "class: 7", "class: must be text, not '7'; correct it"),
        (VLAN, "class: VLAN", "class: vlan", "class: 'vlan' is not PascalCase; write it as in NetworkDevice"),
        (
            VLAN,
            "class: VLAN",
            "class: VLAN\nextends: Devise",
            "extends: there is no class 'Devise'; did you mean Device?",
        ),
        (VLAN, "class: VLAN", "class: VLAN\nextends: VLAN", "extends: goes in a circle (VLAN → VLAN); break it"),
        (VLAN, "class: VLAN", "class: VLAN\nabstract: maybe", "abstract: must be true or false, not 'maybe'"),
        (VLAN, "strong: true", "strong: yes please", "identifiers[0].strong: must be true or false"),
        (VLAN, "strong: true, ", "", "identifiers[0].strong: is missing; add it (true or false)"),
        (VLAN, "scheme: vlan", "scheme: Vlan_Key", "identifiers[0].scheme: 'Vlan_Key' must be lower case with hyphens"),
        (VLAN, "  - {scheme", "  - 5\n  - {scheme", "identifiers: must be a list of mappings"),
        (VLAN, "identifiers:", "labels:", "identifiers: the class has neither identifiers nor inside"),
        (
            VLAN,
            "type: integer",
            "type: interger",
            "attributes.vlan_id.type: 'interger' is not allowed; did you mean integer",
        ),
        (VLAN, "type: integer", "type: string", "attributes.vlan_id.range: a string has no range; leave it out"),
        (VLAN, "type: integer", "type: enum", "attributes.vlan_id.values: an enum needs its values; list them"),
        (
            VLAN,
            "range: [1, 4094]",
            "range: [4094, 1]",
            "attributes.vlan_id.range: must be two whole numbers, [least, most]",
        ),
        (VLAN, "range: [1, 4094]", "values: [1]", "attributes.vlan_id.values: must be a list of texts"),
        (VLAN, "range: [1, 4094]", "flags: [secret]", "attributes.vlan_id.flags: 'secret' is not allowed; there are"),
        (VLAN, "example: 20", "example: 5000", "attributes.vlan_id.example: 5000: must be from 1 to 4,094; correct it"),
        (VLAN, "example: 20", "example: '20'", "attributes.vlan_id.example: '20': is not in its normal form"),
        (VLAN, "  vlan_id:", "  vlanId:", "attributes.vlanId: is not snake_case; write it as in serial_number"),
        (VLAN, "  vlan_id:", "  status:", "attributes.status: status is a reserved name; choose another"),
        (VLAN, "  vlan_id: {", "  vlan_id: 20 # {", "attributes.vlan_id: must be a mapping with type and description"),
        (
            VLAN,
            "  vlan_id:",
            "  mtu: {type: string, description: Size.}\n  vlan_id:",
            "attributes.mtu.type: is string here and integer in",
        ),
        (VLAN, "attributes:", "attributes: [", "line "),
        (
            VLAN,
            "class: VLAN",
            "class: VLAN\nclass: VLAN",
            "line 2, column 1: is not good YAML: the key 'class' stands here twice",
        ),
        (
            COMPUTER,
            "metal.",
            "metal.\nattributes: {model: {type: string, description: M.}}",
            "attributes.model: comes from Device already",
        ),
        (MODULE, "Chassis]", "Chasis]", "inside.parents: there is no class 'Chasis'; did you mean Chassis?"),
        (
            MODULE,
            "CONTAINS",
            "CONTAIN",
            "inside.relationship: there is no relationship type 'CONTAIN'; did you mean CONTAINS",
        ),
        (MODULE, "from_parent", "down", "inside.direction: 'down' is not allowed; there are from_parent, to_parent"),
        (MODULE, "class: Module", "class: Module\nindependent: true", "identifiers: independent CIs need identifiers"),
        (MODULE, "line_card,", "Line Card,", "attributes.kind.values[0]: 'Line Card' is not snake_case"),
        (
            RELATIONSHIPS,
            "from: [IPAddress]",
            "from: [IPAdress]",
            "IN_SUBNET.from: there is no class 'IPAdress'; did you mean IPAddress",
        ),
        (RELATIONSHIPS, "from: [IPAddress]", "form: [IPAddress]", "IN_SUBNET.form: unknown key; did you mean from?"),
        (RELATIONSHIPS, "IN_SUBNET:", "in_subnet:", "in_subnet: is not UPPER_SNAKE; write it as in CONNECTED_TO"),
        (RELATIONSHIPS, "needed: all_but_one", "needed: most", "COOLED_BY.impact[0].needed: 'most' is not allowed"),
        (RELATIONSHIPS, "needed: all_but_one", "needed: 0", "COOLED_BY.impact[0].needed: 0 is not allowed"),
        (RELATIONSHIPS, "needed: all_but_one", "needed: true", "COOLED_BY.impact[0].needed: True is not allowed"),
        (
            RELATIONSHIPS,
            "group: each",
            "group: one",
            "CONTAINS.impact[2].group: 'one' is not allowed; write each, all, none, or a list",
        ),
        (
            RELATIONSHIPS,
            "[relationship.group_key]",
            "[relationship.grup_key]",
            "DEPENDS_ON.impact[0].group: there is no attribute 'relationship.grup_key'",
        ),
        (
            RELATIONSHIPS,
            "[relationship.group_key]",
            "[group_key]",
            "'group_key' must be relationship.<attribute> or provider.<attribute>",
        ),
        (
            RELATIONSHIPS,
            "on_loss: at_risk",
            "on_loss: at-risk",
            "CONTAINS.impact[3].on_loss: 'at-risk' is not allowed; did you mean at_risk?",
        ),
        (
            RELATIONSHIPS,
            "pass: never",
            "pass: no",
            "CONTAINS.impact[0].pass: must be text, not false (YAML reads yes, no, on and off so",
        ),
        (
            RELATIONSHIPS,
            "owner: target",
            "owner: both",
            "CONTAINS.impact[0].owner: 'both' is not allowed; there are source, target",
        ),
        (
            RELATIONSHIPS,
            "owner_kind: [quorum]",
            "owner_knd: [quorum]",
            "MEMBER_OF.impact[1].when.owner_knd: unknown key; did you mean owner_kind",
        ),
        (
            RELATIONSHIPS,
            "symmetric: true",
            "symmetric: true\n  impact: [{owner: source, group: all, needed: 1, on_loss: none, pass: any}]",
            "a symmetric type has no source and target",
        ),
        (RELATIONSHIPS, "FILLS:\n", "FILLS: nothing\nX:\n", "FILLS: must be a mapping with description, from and to"),
        (PRECEDENCE, "default: 20", "default: low", "default: must be a whole number, not 'low'"),
        (PRECEDENCE, "precedence: 100", "precedence: 1001", "sources.manual.precedence: 1001 is out of range"),
        (
            PRECEDENCE,
            "attributes: [oper_status",
            "attributes: [oper_state",
            "sources.manual.rules[0].attributes: there is no attribute 'oper_state'; did you mean",
        ),
        (
            PRECEDENCE,
            "classes: [VirtualMachine]",
            "classes: [VM]",
            "sources.hypervisor.rules[0].classes: there is no class 'VM'",
        ),
        (PRECEDENCE, "  stock:", "  Stock:", "sources.Stock: must be lower case"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(folder: Path, file: str, old: str, new: str, expected: str) -> None:
    edit(folder, file, old, new)

    assert any(line.startswith(f"{file}: ") and expected in line for line in complaints(folder))


def test_two_files_for_one_class(folder: Path) -> None:
    edit(folder, VLAN, "class: VLAN", "class: VRF")

    assert "classes/vrf.yaml: class: VRF is defined in another file already; give it another name" in complaints(folder)


def _no_utf8(folder: Path) -> None:
    (folder / VLAN).write_bytes(b"class: \xff")


def _empty(folder: Path) -> None:
    (folder / VLAN).write_text("", "utf-8")


def _huge(folder: Path) -> None:
    (folder / VLAN).write_text("#" * 1_100_000, "utf-8")


def _deep(folder: Path) -> None:
    (folder / VLAN).write_text("class: " + "[" * 500, "utf-8")


def _missing(folder: Path) -> None:
    (folder / RELATIONSHIPS).unlink()


def _no_classes(folder: Path) -> None:
    shutil.rmtree(folder / "classes")


def _control(folder: Path) -> None:
    (folder / VLAN).write_text("class: \x01", "utf-8")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_no_utf8, "classes/vlan.yaml: is not UTF-8 at byte 7; save it as UTF-8"),
        (_empty, "classes/vlan.yaml: must be a mapping of keys to values; see the files beside it"),
        (_huge, "classes/vlan.yaml: is 1,100,000 bytes long, the limit is 1,048,576; split it"),
        (
            _deep,
            "classes/vlan.yaml: line 1, column 27: is not good YAML: it is nested more than 20 deep",
        ),
        (_missing, "relationships.yaml: can't be read: No such file or directory; put the file there"),
        (_no_classes, "classes: there is no YAML file in "),
        (_control, "classes/vlan.yaml: "),
    ],
)
def test_a_file_that_is_no_model_file(folder: Path, spoil: Callable[[Path], None], expected: str) -> None:
    spoil(folder)

    assert complaints(folder)[0].startswith(expected)


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    edit(folder, VLAN, "type: integer", "type: number")
    edit(folder, "classes/vrf.yaml", "description: R", "text: R")
    edit(folder, RELATIONSHIPS, "to: [Subnet]", "to: [Subnets]")
    edit(folder, PRECEDENCE, "precedence: 30", "precedence: -1")

    found = complaints(folder)

    assert [line.split(":")[0] for line in found].count(VLAN) == 1
    assert {line.split(":")[0] for line in found} == {VLAN, "classes/vrf.yaml", RELATIONSHIPS, PRECEDENCE}


def test_the_page_can_be_printed_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("# The model\n")
    assert main(["--check"]) == 0
    assert main(["--nonsense"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "classes: [Interface, Module",
            "classes: [Interfase, Module",
            "there is no class 'Interfase'; did you mean Interface",
        ),
        ("types: [SEEN_ON]", "types: [SEEN_IN]", "there is no relationship type 'SEEN_IN'; did you mean SEEN_ON"),
        (
            "default: {runs: 3, hours: 24}",
            "default: {runs: 30, hours: 24}",
            "default.runs: 30 is out of range; write 1 to 10",
        ),
        (
            "default: {runs: 3, hours: 24}",
            "default: {run: 3, hours: 24}",
            "default.run: unknown key; did you mean runs",
        ),
        ("belief: 95", "belief: 100", "sightings.methods.file.belief: is out of range; write 0 to 99"),
        ("after_h: 168", "after_h: 0", "endings[0].after_h: 0 is out of range; write 1 or more"),
        ("retire_after_days: 30", "retire_after_days: -1", "rules[0].retire_after_days: -1 is out of range"),
    ],
)
def test_an_absence_policy_that_does_not_fit_is_refused(folder: Path, old: str, new: str, expected: str) -> None:
    edit(folder, "absence.yaml", old, new)

    assert any(line.startswith("absence.yaml: ") and expected in line for line in complaints(folder))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("stale_after_h: 0", "sources.ssh.stale_after_h: 0 is out of range; write 1 to 100,000"),
        ("presence: sene", "'sene' is not allowed; did you mean seen?"),
        ("stale_rules: [{classes: [Computr], after_h: 5}]", "there is no class 'Computr'; did you mean Computer?"),
    ],
)
def test_staleness_that_does_not_fit_is_refused(folder: Path, new: str, expected: str) -> None:
    edit(folder, PRECEDENCE, "    precedence: 60\n    stale_after_h: 72", f"    precedence: 60\n    {new}")

    assert any(expected in line for line in complaints(folder))


def test_staleness_may_differ_by_class(folder: Path) -> None:
    rule = "stale_rules: [{classes: [Device], after_h: 5}]"
    edit(
        folder,
        PRECEDENCE,
        "    precedence: 60\n    stale_after_h: 72",
        f"    precedence: 60\n    stale_after_h: 72\n    {rule}",
    )
    policy = load_model(folder).policy

    assert [policy.stale_after("ssh:x", c) for c in ("Computer", "Filesystem")] == [5 * 3_600_000, 72 * 3_600_000]
    assert (policy.stale_after("manual", "Computer"), policy.stale_after("unheard of", "Computer")) == (None, None)


def own(tmp_path: Path, precedence: str = "", absence: str = "") -> Model:
    """The built-in model with files of one's own laid over it."""
    files: dict[str, Path] = {}
    for name, text in (("precedence", precedence), ("absence", absence)):
        if text:
            files[name] = tmp_path / f"own-{name}.yaml"
            files[name].write_text(text, "utf-8")
    return load_model(**files)


def test_an_own_file_of_precedence_holds_for_the_sources_that_it_names(tmp_path: Path) -> None:
    made = own(tmp_path, "default: 7\nsources:\n  nmap: {precedence: 90, description: Ours.}\n")
    usual = load_model()

    assert made.precedence("nmap", "Computer", "vendor") == 90
    assert (made.sources["nmap"].stale_after_h, made.default_precedence) == (None, 7)
    assert {n: s for n, s in made.sources.items() if n != "nmap"} == {
        n: s for n, s in usual.sources.items() if n != "nmap"
    }
    assert (made.classes, made.absence) == (usual.classes, usual.absence)
    assert len({made.version, usual.version, own(tmp_path, "default: 8\n").version}) == 3


def test_an_own_file_of_absence_holds_for_the_keys_that_it_has(tmp_path: Path) -> None:
    made = own(tmp_path, absence="default: {runs: 5, hours: 72}\nrules: []\n")
    usual = load_model()

    assert (made.policy.absence("Interface").runs, made.policy.absence("Interface").hours) == (5, 72)
    assert usual.policy.absence("Interface").retire_after_days is not None
    assert (made.absence.endings, made.absence.sightings) == (usual.absence.endings, usual.absence.sightings)
    assert made.version != usual.version


@pytest.mark.parametrize(
    ("precedence", "absence", "line"),
    [
        (
            "sources: {nmap: {precedence: 9, description: x, rules: [{classes: [Computr], precedence: 1,"
            " description: x}]}}",
            "",
            "own-precedence.yaml: sources.nmap.rules[0].classes: there is no class 'Computr'; did you mean Computer?",
        ),
        (
            "sources: {nmap: {precedence: 9, description: x, rules: [{attributes: [vendr], precedence: 1,"
            " description: x}]}}",
            "",
            "own-precedence.yaml: sources.nmap.rules[0].attributes: there is no attribute 'vendr'; did you mean ",
        ),
        ("sources: {nmap: 9}", "", "own-precedence.yaml: sources.nmap: must be a mapping"),
        ("sources: 9", "", "own-precedence.yaml: sources: must be a mapping, not '9'; correct it"),
        ("surces: {}", "", "own-precedence.yaml: surces: unknown key; did you mean sources?"),
        ("a: [", "", "own-precedence.yaml: line 2, column 1: is not good YAML"),
        (
            "",
            "rules: [{classes: [Interfce], runs: 2, description: x}]",
            "own-absence.yaml: rules[0].classes: there is no class 'Interfce'; did you mean Interface",
        ),
        (
            "",
            "endings: [{types: [SEEN], after_h: 2, description: x}]",
            "own-absence.yaml: endings[0].types: there is no relationship type 'SEEN'; did you mean SEEN_ON?",
        ),
        ("", "default: {runs: 5}", "own-absence.yaml: default.hours: is missing; add it (a whole number)"),
    ],
)
def test_mistakes_in_own_files_are_told_with_file_and_key(
    tmp_path: Path, precedence: str, absence: str, line: str
) -> None:
    with pytest.raises(Invalid) as raised:
        own(tmp_path, precedence, absence)

    _, told, *more = str(raised.value).splitlines()
    assert (told.startswith(f"{tmp_path}/{line}"), more) == (True, []), told


def test_an_own_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"none\.yaml: can't be read: .*; put the file there"):
        load_model(absence=tmp_path / "none.yaml")
