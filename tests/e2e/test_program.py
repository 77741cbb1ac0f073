"""The whole program as its users start it: bad input, exit codes, and the demo."""

from __future__ import annotations

import json
import re
import shlex
import socket
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.program import ROOT, Running, cmdb, post
from tests.site_oracle import Plant

pytestmark = pytest.mark.e2e
SERIAL = "serial:cisco:FOC1234X0AB"
SERVICES = """
format: 1
name: services
cis:
  - {class: PowerDevice, key: pdu, name: pdu-1, identifiers: ["serial:apc:PDU00001"]}
  - class: Computer
    key: web
    name: web-1
    identifiers: ["serial:dell:WEB00001"]
    links: [{type: POWERED_BY, to: pdu}]
  - class: Service
    name: Shop
    identifiers: ["service:shop"]
    attributes: {criticality: 4, user_facing: true}
    links: [{type: DEPENDS_ON, to: web}]
"""


def test_a_day_on_the_command_line(tmp_path: Path) -> None:
    """Push, push again, list, ask, export, import, compare, verify."""
    file, store, copy = tmp_path / "services.yaml", tmp_path / "store", tmp_path / "copy"
    file.write_text(SERVICES)
    first = cmdb(tmp_path, "ingest", "push", file, "--data-dir", store)
    again = cmdb(tmp_path, "ingest", "push", file, "--data-dir", store, "-o", "ndjson")
    listed = cmdb(tmp_path, "ci", "list", "--data-dir", store, "-o", "ndjson")
    asked = cmdb(tmp_path, "impact", "pdu-1", "--data-dir", store, "-o", "json", "--fail-on", "service_down")
    got = cmdb(tmp_path, "ci", "get", "service:shop", "--data-dir", store, "-o", "json")
    missing = cmdb(tmp_path, "ci", "get", "nobody", "--data-dir", store)
    cmdb(tmp_path, "export", "-o", tmp_path / "a", "--data-dir", store)
    restored = cmdb(tmp_path, "import", tmp_path / "a", "--data-dir", copy)
    refused = cmdb(tmp_path, "import", tmp_path / "a", "--data-dir", copy)
    cmdb(tmp_path, "export", "-o", tmp_path / "b", "--data-dir", copy)
    verified = cmdb(tmp_path, "ledger", "verify", "--deep", "--data-dir", copy)
    with_defaults = cmdb(tmp_path, "export", "--defaults", "--data-dir", copy)

    assert first.returncode == 0, first.stderr
    assert {json.loads(line)["status"] for line in again.stdout.splitlines()} == {"unchanged"}
    assert {json.loads(line)["name"] for line in listed.stdout.splitlines()} == {"pdu-1", "web-1", "Shop"}
    assert asked.returncode == 10
    answer = json.loads(asked.stdout)
    assert {n["ci"]["name"]: n["state"] for n in answer["nodes"]} == {"pdu-1": "DOWN", "web-1": "DOWN", "Shop": "DOWN"}
    assert json.loads(got.stdout)["attributes"] == {"criticality": 4, "user_facing": True}
    assert (missing.returncode, refused.returncode) == (3, 5)
    assert restored.returncode == 0, restored.stderr
    assert (tmp_path / "a").read_bytes().split(b"\n")[1:] == (tmp_path / "b").read_bytes().split(b"\n")[1:]
    assert verified.returncode == 0, verified.stderr
    assert b"default" in with_defaults.stdout.encode()


def test_bad_input_has_its_message_and_exit_code(tmp_path: Path) -> None:
    """Nobody sees a stack trace, and the graph stays as it was."""
    store = tmp_path / "store"
    typo, newer = tmp_path / "typo.yaml", tmp_path / "newer"
    typo.write_text(SERVICES.replace("criticality", "critcality"))
    (tmp_path / "scopes.toml").write_text('[[scope]]\nname = "x"\nrangse = ["127.0.0.1"]\n')
    (tmp_path / "cut.ndjson").write_text(
        '{"kind":"header","format":1,"exported_at":"2026-01-01T00:00:00Z"}\n{"kind":"ci"'
    )
    newer.mkdir()
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = str(taken.getsockname()[1])
    cases = {
        "no such option": (cmdb(tmp_path, "ci", "list", "--nonsense"), 2, "nonsense"),
        "typo in a file": (cmdb(tmp_path, "ingest", "push", typo, "--data-dir", store), 5, "critcality"),
        "typo in scopes": (
            cmdb(tmp_path, "discover", "run", "--scopes", tmp_path / "scopes.toml", "--data-dir", store),
            2,
            "rangse",
        ),
        "truncated import": (cmdb(tmp_path, "import", tmp_path / "cut.ndjson", "--data-dir", store), 5, "cut off"),
        "store that is down": (
            cmdb(tmp_path, "ci", "list", "--store-uri", f"bolt://127.0.0.1:{unused()}"),
            7,
            "bolt://",
        ),
        "no such file": (cmdb(tmp_path, "ingest", "push", tmp_path / "none", "--data-dir", store), None, "none"),
        "port in use": (cmdb(tmp_path, "serve", "--port", port, "--data-dir", store), 7, "something else listens"),
        "beyond loopback": (cmdb(tmp_path, "serve", "--host", "0.0.0.0", "--data-dir", store), 2, "authentication"),  # noqa: S104 - must be refused
        "no recording": (cmdb(tmp_path, "discover", "replay", newer, "--data-dir", store), 3, "no recording"),
        "closed port": (
            cmdb(
                tmp_path, "discover", "run", f"127.0.0.1:{unused()}", "--scopes", scopes(tmp_path), "--data-dir", store
            ),
            7,
            "REFUSED",
        ),
        "unknown host": (
            cmdb(
                tmp_path, "discover", "run", "no-such-host.invalid", "--scopes", scopes(tmp_path), "--data-dir", store
            ),
            7,
            "UNKNOWN_HOST",
        ),
    }
    taken.close()
    left = cmdb(tmp_path, "ledger", "verify", "--data-dir", store)

    for name, (done, code, message) in cases.items():
        assert message in done.stderr, (name, done.stderr)
        assert "Traceback" not in done.stderr, (name, done.stderr)
        assert code is None or done.returncode == code, (name, done.returncode, done.stderr)
        assert done.returncode != 0, name
    assert "0 commits" in left.stderr


def test_a_newer_data_directory_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "store"
    cmdb(tmp_path, "ledger", "verify", "--data-dir", store)
    for file in store.rglob("format*"):
        file.write_text(file.read_text().replace("1", "99"))

    done = cmdb(tmp_path, "ledger", "verify", "--data-dir", store)

    assert done.returncode == 5, done.stderr
    assert "newer" in done.stderr


def test_the_demo_answers_stops_and_starts_again(tmp_path: Path) -> None:
    """The first start discovers, the second one starts from the stored graph; the command it prints works meanwhile."""
    data = tmp_path / "data"
    first = Running(tmp_path, "demo", "--data-dir", data, "--port", "0")
    address = first.address()
    answer = first.wait_for(lambda line: line.startswith("answer:"))
    first.wait_for(lambda line: line.startswith("Ctrl-C"))
    question = {"query": "query($i: ImpactInput!) { impact(input: $i) { summary { services { ci { name } state } } } }"}
    question["variables"] = {"i": {"seeds": [{"key": "ups-a"}]}}  # type: ignore[assignment]
    status, body = post(f"{address}/graphql", json.dumps(question).encode(), "application/json")
    beside = cmdb(tmp_path, "impact", "ups-a", "--data-dir", data, "-o", "json")
    rerun = discover_again(tmp_path, first)
    code = first.interrupt()
    second = Running(tmp_path, "demo", "--data-dir", data, "--port", "0")
    again = second.wait_for(lambda line: line.startswith("answer:"))
    way = second.wait_for(lambda line: line.startswith("the way there:"))
    second.wait_for(lambda line: line.startswith("Ctrl-C"))
    restarted = discover_again(tmp_path, second)
    second_code = second.interrupt()

    services = {s["ci"]["name"]: s["state"] for s in json.loads(body)["data"]["impact"]["summary"]["services"]}
    assert (status, services["Web shop"]) == (200, "DOWN")
    assert {s["ci"]["name"]: s["state"] for s in json.loads(beside.stdout)["summary"]["services"]} == services
    assert answer == again == "answer: Web shop is DOWN."
    assert (code, second_code) == (0, 0)
    assert "starting from the stored graph" in second.lines
    # The weak point is named: both access switches of the rack with the whole database hang on this supply.
    assert way.startswith("the way there: pdu-a → acc-")
    assert way.endswith("nginx:443 on web-2 → Web shop")
    # Nothing that was discovered is new, also with the keys and ports of another start.
    for done in (rerun, restarted):
        assert done.returncode == 0, done.stderr
        assert "29 of 29 targets (29 OK); 0 changes in 0 commits" in done.stderr
    found = {name: n for n, name in (word.split(" ") for word in found_line(first).split("; ")[0].split(", "))}
    assert {name: found.get(name) for name in ("Computer", "VirtualMachine", "VLAN", "Endpoint")} == {
        "Computer": "8",
        "VirtualMachine": "8",
        "VLAN": "3",
        "Endpoint": "1",
    }
    assert int(found["SoftwareInstance"]) > 30


def discover_again(folder: Path, running: Running) -> CompletedProcess[str]:
    """Run the command that the demo prints, while it runs."""
    line = next(line for line in running.lines if line.startswith("discover again:"))
    words = shlex.split(line)
    return cmdb(folder, *words[words.index("discover", 2) :])


def found_line(running: Running) -> str:
    """What the demo says that it found."""
    return next(line for line in running.lines if line.startswith("found: ")).removeprefix("found: ")


def test_the_answer_moves_with_the_weak_point_in_the_file(tmp_path: Path) -> None:
    """Rack 1's two access switches hang on UPS A; moved to the other feed in the site's file, they hang on UPS B.

    What fails with each device agrees with what the file says by itself, before and after.
    """
    data, site = tmp_path / "data", tmp_path / "site.yaml"
    built_in = (ROOT / "cmdb" / "demo" / "site.yaml").read_text()
    site.write_text(built_in)

    before, expected_before = demo_answers(tmp_path, data, site), outcomes(site)
    moved = re.sub(r"(  acc-[12]:\n(?:    .*\n)*?    power: )\[pdu-a\]", r"\1[pdu-b]", built_in)
    site.write_text(moved)
    after, expected_after = demo_answers(tmp_path, data, site), outcomes(site)

    assert moved.count("power: [pdu-b]\n") == built_in.count("power: [pdu-b]\n") + 2
    assert (before[0], after[0]) == ("answer: Web shop is DOWN.", "answer: Web shop is not impacted.")
    assert [(e["ups-a"][1]["Web shop"], e["ups-b"][1]["Web shop"]) for e in (expected_before, expected_after)] == [
        ("DOWN", "UP"),
        ("UP", "DOWN"),
    ]
    assert before[1] == expected_before
    assert after[1] == expected_after


Outcome = tuple[set[str], dict[str, str]]


def outcomes(site: Path) -> dict[str, Outcome]:
    """For each device of a site: devices that are down when it fails, and the states of services."""
    plant = Plant(site)
    return {name: plant.outcome(name) for name in plant.devices}


def demo_answers(folder: Path, data: Path, site: Path) -> tuple[str, dict[str, Outcome]]:
    """What the demo answers by itself, and what it says of each device that may fail."""
    running = Running(folder, "demo", "--data-dir", data, "--port", "0", "--site", site)
    address = running.address()
    answer = running.wait_for(lambda line: line.startswith("answer:"))
    running.wait_for(lambda line: line.startswith("Ctrl-C"))
    plant = Plant(site)
    services = {ci["name"] for ci in plant.said["services"] if ci["class"] == "Service"}
    found = {}
    for name in plant.devices:
        impact = asked(address, name)
        down = {n["ci"]["name"] for n in impact["nodes"] if n["state"] == "DOWN"} & plant.devices.keys()
        states = {s["ci"]["name"]: s["state"] for s in impact["summary"]["services"]}
        found[name] = down, {service: states.get(service, "UP") for service in services}
    assert running.interrupt() == 0
    return answer, found


def asked(address: str, name: str) -> Any:
    """The impact of a device that is down, over GraphQL."""
    query = "query($i: ImpactInput!) { impact(input: $i) { nodes { state ci { name } } %s } }"
    text = query % "summary { services { state ci { name } } }"
    question = {"query": text, "variables": {"i": {"seeds": [{"key": name}], "first": 10000}}}
    _, body = post(f"{address}/graphql", json.dumps(question).encode(), "application/json")
    return json.loads(body)["data"]["impact"]


def scopes(folder: Path) -> Path:
    """One community for whatever is named."""
    file = folder / "ok.toml"
    scope = '[[scope]]\nname = "x"\ncredentials = ["c"]\n'
    file.write_text(scope + '[[credential]]\nname = "c"\nkind = "snmp-v2c"\ncommunity = "env:HOME"\n')
    return file


def unused() -> int:
    """A port at which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_other_rules_of_identity_are_tried_before_they_hold(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for name, key in (("a", "sysname:web.example.net"), ("b", "serial:dell:WEB00001")):
        said = f"  - {{class: Computer, key: {name}, name: {name}, identifiers: ['machine-id:5f0c', '{key}']}}\n"
        (tmp_path / f"{name}.yaml").write_text(f"format: 1\nname: {name}\ncis:\n{said}")
    none, bad = tmp_path / "none.yaml", tmp_path / "bad.yaml"
    none.write_text("Device:\n  identifiers:\n    - {scheme: machine-id, strong: false}\n")
    bad.write_text("Computer:\n  identifiers:\n    - {scheme: machineid, strong: true}\n")
    strong = tmp_path / "strong.yaml"
    strong.write_text("Device:\n  identifiers:\n    - {scheme: machine-id, strong: true, confirmed_by: [host]}\n")

    pushed = [cmdb(tmp_path, "ingest", "push", tmp_path / f"{n}.yaml", "--data-dir", store) for n in "ab"]
    same = cmdb(tmp_path, "identity", "simulate", none, "--data-dir", store, "-o", "json")
    asked = cmdb(tmp_path, "identity", "simulate", strong, "--data-dir", store, "-o", "ndjson")
    table = cmdb(tmp_path, "identity", "simulate", strong, "--data-dir", store)
    refused = cmdb(tmp_path, "identity", "simulate", bad, "--data-dir", store)
    absent = cmdb(tmp_path, "identity", "simulate", tmp_path / "no.yaml", "--data-dir", store)
    verified = cmdb(tmp_path, "ledger", "verify", "--deep", "--data-dir", store)

    assert [one.returncode for one in pushed] == [0, 0], pushed[0].stderr + pushed[1].stderr
    assert (same.returncode, same.stdout) == (0, "[]\n"), same.stderr
    assert asked.returncode == 10, asked.stderr
    assert json.loads(asked.stdout)["outcome"] == "ask"
    assert json.loads(asked.stdout)["supports"] == ["machine-id:5f0c"]
    assert (table.returncode, "machine-id:5f0c" in table.stdout) == (10, True)
    assert refused.returncode == 5
    assert "bad.yaml: Computer.identifiers[0].scheme: 'machineid' does not identify a Computer" in refused.stderr
    assert (absent.returncode, "can't be read" in absent.stderr) == (5, True)
    assert verified.returncode == 0, verified.stderr
