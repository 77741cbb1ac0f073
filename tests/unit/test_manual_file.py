"""Files of manual observations: what they become, and how mistakes in them are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cmdb.errors import Invalid, LimitExceeded, NotFound, UsageError
from cmdb.model.registry import load_model
from cmdb.observation import Identifier, Link, Observation, Report, path_of
from collectors.push import document
from collectors.push.manual import read_manual

AT = 1_795_000_000_000
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "manual-file.md"
SERVICE = {"class": "Service", "name": "Shop", "identifiers": ["service:shop"]}


def read(folder: Path, content: object) -> Report:
    file = folder / "plant.yaml"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_manual(file, AT, load_model())


def refused(folder: Path, content: object) -> list[str]:
    with pytest.raises(Invalid) as error:
        read(folder, content)
    return str(error.value).replace(f"{folder}/", "").split("\n")


def file_of(*cis: object) -> dict[str, object]:
    return {"format": 1, "name": "plant", "cis": list(cis)}


def test_the_example_of_the_how_to_is_valid(tmp_path: Path) -> None:
    example = HOW_TO.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]

    report = read(tmp_path, example)
    by_path = {path_of(o): o for o in report.observations}

    assert (report.source, report.target, report.complete, report.tables) == ("manual", "plant-1", True, ("file",))
    assert by_path["serial:dell:7XK2P43"].links == (Link("POWERED_BY", "serial:apc:5A2119E07318", {}, "file"),)
    assert by_path["serial:dell:7XK2P43|Interface|eno1"].links[0].to == "serial:cisco:JAE26480T1K|Interface|Gi1/0/1"
    assert by_path["service:web-shop"].links[1].to == "serial:dell:7XK2P51|SoftwareInstance|tcp-443"
    assert by_path["service:web-shop|Requirement|internet"].links == (
        Link("PROVIDED_BY", "serial:fortinet:FG100FTK22014371", {"weight": 1, "connected": "lan"}, "file"),
        Link("PROVIDED_BY", "serial:fortinet:FG100FTK22014388", {"weight": 1, "connected": "lan"}, "file"),
    )


def test_a_ci_becomes_an_observation(tmp_path: Path) -> None:
    switch = {
        "class": "NetworkDevice",
        "name": "acc-1",
        "identifiers": ["serial:cisco:JAE1", "sysname:acc-1"],
        "attributes": {"root_of": ["lan"]},
    }

    report = read(tmp_path, file_of(switch))

    assert report.observations == (
        Observation(
            "NetworkDevice",
            "serial:cisco:JAE1",
            {"root_of": ["lan"], "name": "acc-1"},
            (Identifier("serial:cisco:JAE1", True), Identifier("sysname:acc-1", False)),
        ),
    )


def test_all_mistakes_are_listed_at_once(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        file_of(
            {**SERVICE, "class": "Servce"},
            {"class": "Service", "name": "No id"},
            {"class": "Interface", "key": "eth0"},
            {
                "class": "Computer",
                "key": "a",
                "identifiers": ["uid:1"],
                "attributes": {"modle": "x", "management_address": "lan"},
            },
            {
                "class": "Computer",
                "key": "b",
                "identifiers": ["uuid:9f1c2b34-0000-4000-8000-5d6e7f8091a2"],
                "links": [
                    {"type": "POWERD_BY", "to": "a"},
                    {"type": "POWERED_BY", "to": "aa"},
                    {"type": "POWERED_BY", "to": "b"},
                ],
                "parts": [{"class": "Interface"}, {"class": "Service", "key": "s"}],
            },
        ),
    )
    keys = [line.split(": ")[1] for line in lines]

    assert keys == [
        "cis[1].identifiers",
        "cis[2]",
        "cis[0].class",
        "cis[3].attributes.modle",
        "cis[3].attributes.management_address",
        "cis[3].identifiers[0]",
        "cis[4].links[0].type",
        "cis[4].links[1].to",
        "cis[4].links[2].to",
        "cis[4].parts[0].key",
        "cis[4].parts[1].class",
    ]
    assert "did you mean Service?" in lines[2]
    assert "did you mean POWERED_BY" in lines[6]
    assert "'aa' is neither a key of this file nor an identifier; did you mean a?" in lines[7]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("format: 1\nname: a\ncis: [", "plant.yaml: line 4, column 1: did not find expected node content"),
        ("- 1\n", "plant.yaml: a mapping of keys to values is expected, found a list"),
        ("", "plant.yaml: a mapping of keys to values is expected, found nothing"),
        ("format: 2\nname: a\ncis: []\n", "plant.yaml: format: input should be 1"),
        ("format: 1\nname: a\ncis: []\ncis: []\n", "plant.yaml: line 4, column 1: key 'cis' stands here a second time"),
        ("a: &x [1]\nb: *x\n", "plant.yaml: line 2, column 4: aliases (*name) are not supported"),
        ("a: 1\n---\nb: 1\n", "plant.yaml: line 2, column 1: a second document begins"),
        ("[" * 200, "plant.yaml: line 1, column 51: nested deeper than 50"),
        ("a: !!python/object:os.system x\n", "plant.yaml: line 1, column 4: tags (!name) are not supported"),
        ("? [a, b]\n: 1\n", "plant.yaml: line 1, column 3: a key is a text"),
        (file_of({**SERVICE, "links": [{"type": "DEPENDS_ON"}]}), "plant.yaml: cis[0].links[0].to: is missing"),
        (file_of({**SERVICE, "name": 5}), "plant.yaml: cis[0].name: input should be a valid string, found a number"),
        (file_of({**SERVICE, "colour": "red"}), "plant.yaml: cis[0].colour: unknown key; check the spelling"),
        (file_of(SERVICE, SERVICE), "plant.yaml: cis[1].identifiers[0]: 'service:shop' already stands for another CI"),
        (
            file_of({**SERVICE, "attributes": {"name": "x"}}),
            "plant.yaml: cis[0].attributes.name: write the name one level up",
        ),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, content: object, line: str) -> None:
    lines = refused(tmp_path, content)

    assert [got for got in lines if got.startswith(line)], lines


def test_requirements_are_checked(tmp_path: Path) -> None:
    def requirement(*providers: object, needed: int = 1) -> dict[str, object]:
        return {**SERVICE, "requirements": [{"name": "r", "needed": needed, "providers": list(providers)}]}

    here = "plant.yaml: cis[0].requirements[0]"
    twice = refused(tmp_path, file_of(requirement({"to": "uuid:1"}, {"to": "uuid:1"})))
    itself = refused(tmp_path, file_of(requirement({"to": "service:shop"})))

    assert twice == [f"{here}.providers[1].to: 'uuid:1' is already a provider here"]
    assert itself == [f"{here}.providers[0].to: a CI can't be its own provider"]
    assert refused(tmp_path, file_of(requirement()))[0].startswith(f"{here}.providers: ")
    assert refused(tmp_path, file_of(requirement({"to": "uuid:1"}, needed=0)))[0].startswith(f"{here}.needed: ")


def test_files_that_can_not_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing, binary = tmp_path / "missing.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"name: caf\xe9\n")

    with pytest.raises(NotFound, match="no such file"):
        read_manual(missing, AT, load_model())
    with pytest.raises(UsageError, match="can't be read"):
        read_manual(tmp_path, AT, load_model())
    with pytest.raises(Invalid, match="byte 9 is not UTF-8"):
        read_manual(binary, AT, load_model())
    monkeypatch.setattr(document, "MAX_BYTES", 10)
    with pytest.raises(LimitExceeded, match="larger than"):
        read_manual(binary, AT, load_model())


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2026-01-02", "2026-01-02"),
        ("0123", "0123"),
        ("10:11:22", "10:11:22"),
        ("no", "no"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
    ],
)
def test_what_only_yaml_takes_for_something_else_stays_text(tmp_path: Path, written: str, read_as: str) -> None:
    part = f"{{class: SoftwareInstance, key: db, attributes: {{version: {written}}}}}"
    host = f"{{class: Computer, identifiers: ['uuid:9f1c2b34-0000-4000-8000-5d6e7f8091a2'], parts: [{part}]}}"

    report = read(tmp_path, f"format: 1\nname: a\ncis:\n  - {host}\n")

    assert report.observations[1].attributes == {"version": read_as}


def test_a_number_where_text_is_wanted_is_refused_before_it_loses_a_zero(tmp_path: Path) -> None:
    host = {
        "class": "Computer",
        "identifiers": ["uuid:9f1c2b34-0000-4000-8000-5d6e7f8091a2"],
        "attributes": {"os_version": 22.10},
    }

    assert refused(tmp_path, file_of(host))[0].startswith("plant.yaml: cis[0].attributes.os_version: takes text")


class _Shape(document.Strict):
    a: int = 0


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=80), st.text(alphabet="a:- [{}]\n\"'&*!?|>%@0.~", max_size=60).map(str.encode)))
@example(b"a: !!timestamp x")
@example(b"a: !!int x")
@example(b"a: !!binary x")
@example(b"a: .inf")
@example(b"? {a: 1}\n: 2")
def test_any_bytes_are_read_or_refused_with_the_name_of_the_file(data: bytes) -> None:
    said = "some.yaml: "
    try:
        document.parse_document(data, "some.yaml", _Shape)
    except Invalid as error:
        said = str(error)

    assert said.startswith("some.yaml: ")
