"""A network device that answers over SNMP and on its command line, discovered by the whole program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.network import COMMUNITY, PASSWORD, USER, agents, command_line
from tests.program import cmdb, environment
from tests.unit.cli_answers import EOS, STACK
from tests.unit.test_cli_meets_snmp import AGENT

pytestmark = [
    pytest.mark.e2e,
    # A thread of fakenos ends with an error where a client hangs up for the host key that it is shown.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

# The neighbour that the stack names on its command line, as its own agent tells of it.
CORE = """
    2.1.1.1.0|4|Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc3)
    2.1.1.2.0|6|1.3.6.1.4.1.9.1.1208
    2.1.1.3.0|67|100
    2.1.1.5.0|4|core-1.example.net
    2.1.2.2.1.1.24|2|24
    2.1.2.2.1.2.24|4|GigabitEthernet0/24
    2.1.2.2.1.3.24|2|6
    2.1.2.2.1.6.24|4x|7c2586c9aa18
    2.1.2.2.1.7.24|2|1
    2.1.2.2.1.8.24|2|1
    2.1.31.1.1.1.1.24|4|Gi0/24
    2.1.17.1.1.0|4x|7c2586c9aa00
"""
SCOPES = """
[[scope]]
name = "lab"
protocols = ["snmp", "netmiko"]
credentials = ["community", "ops"]
target = [
  {{name = "access-1", address = "127.0.0.1", snmp_port = {access}, ssh_port = {door}}},
]
[[scope]]
name = "silent agents"
protocols = ["netmiko"]
credentials = ["ops"]
target = [{{name = "spine-1", address = "127.0.0.1", ssh_port = {other_door}}}]
[[scope]]
name = "core"
credentials = ["community"]
target = [{{name = "core-1", address = "127.0.0.1", snmp_port = {core}}}]
[[credential]]
name = "community"
kind = "snmp-v2c"
community = "env:LAB_COMMUNITY"
[[credential]]
name = "ops"
kind = "ssh"
user = "{user}"
password = "env:LAB_PASSWORD"
"""


@pytest.fixture(scope="module")
def scopes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scopes file for a lab that answers."""
    folder = tmp_path_factory.mktemp("lab")
    with (
        agents({"access": f"{AGENT}\n2.1.1.3.0|67|100", "core": CORE}) as ports,
        command_line("cisco_ios", STACK) as door,
        command_line("arista_eos", EOS) as other_door,
    ):
        file = folder / "scopes.toml"
        file.write_text(SCOPES.format(**ports, door=door, other_door=other_door, user=USER), "utf-8")
        yield file


def run(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return cmdb(home, *arguments, LAB_COMMUNITY=COMMUNITY, LAB_PASSWORD=PASSWORD)


def exported(home: Path, store: Path) -> list[dict[str, Any]]:
    done = run(home, "export", "-o", home / "all", "--data-dir", store)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (home / "all").read_text().splitlines()]


def graph(lines: list[dict[str, Any]]) -> tuple[set[str], set[tuple[str, str, str]]]:
    """CIs and relationships without what tells one store from another."""
    cis = {line["id"]: line for line in lines if line["kind"] == "ci"}

    def named(id_: str) -> str:
        ci = cis[id_]
        inside = f"{named(ci['parent'])}/{ci['local_key']}" if "parent" in ci else ""
        return f"{ci['class']} {ci['identifiers']} {inside}"

    def told(id_: str) -> str:
        origins = [(o["source"], o["role"]) for o in cis[id_]["origins"]]
        return f"{named(id_)} {cis[id_]['name']} {sorted(cis[id_]['attributes'].items())} {origins}"

    ties = {(named(t["from"]), t["type"], named(t["to"])) for t in lines if t["kind"] == "relationship"}
    return {told(id_) for id_ in cis}, ties


def test_one_device_has_two_facets_and_its_neighbours_are_connected(scopes: Path, tmp_path: Path) -> None:
    store, kept = tmp_path / "store", tmp_path / "kept"
    common = ("--scopes", scopes, "--data-dir", store)
    refused = run(tmp_path, "discover", "run", *common, "--scope", "silent agents")
    said = run(tmp_path, "discover", "status", "--data-dir", store, "-o", "ndjson")
    first = run(tmp_path, "discover", "run", *common, "--accept-new-host-keys")
    again = run(tmp_path, "discover", "run", *common)
    lines = exported(tmp_path, store)
    recorded = [
        run(tmp_path, "record", name, "-o", kept, *common) for name in ("access-1", "spine-1", "core-1")
    ]  # fmt: skip
    replayed = run(tmp_path, "discover", "replay", kept, "--data-dir", tmp_path / "copy")

    assert (refused.returncode, "HOST_KEY_UNKNOWN" in refused.stderr) == (7, True), refused.stderr
    assert [(row["origin"], row["reason"]) for row in map(json.loads, said.stdout.splitlines())] == [
        ("spine-1", "HOST_KEY_UNKNOWN")
    ]
    assert first.returncode == 0, first.stderr
    assert again.returncode == 0, again.stderr
    assert "0 changes in 0 commits" in again.stderr

    devices = [line for line in lines if line["kind"] == "ci" and line["class"] == "NetworkDevice"]
    by_name = {d["name"]: sorted({o["source"] for o in d["origins"] if o["role"] == "self"}) for d in devices}
    assert by_name == {
        "access-1": ["netmiko", "snmp"],
        "core-1.example.net": ["snmp"],
        "spine-1.example.net": ["netmiko"],
    }

    cis = {line["id"]: line for line in lines if line["kind"] == "ci"}
    cables = [line for line in lines if line["kind"] == "relationship" and line["type"] == "CONNECTED_TO"]
    ends = {frozenset((cis[c["from"]]["local_key"], cis[c["to"]]["local_key"])) for c in cables}
    assert ends == {frozenset(("Gi1/0/1", "Gi0/24"))}
    assert {e["source"] for c in cables for e in c["evidence"]} == {"netmiko"}

    assert [done.returncode for done in recorded] == [0, 0, 0], [done.stderr for done in recorded]
    assert {p.name for p in kept.iterdir()} >= {"access-1.snmprec", "access-1.ssh", "spine-1.ssh", "core-1.snmprec"}
    assert (kept / "access-1.ssh" / "platform").read_text() == "cisco_xe\n"
    assert not any(PASSWORD in p.read_text() for p in kept.rglob("*") if p.is_file())
    assert replayed.returncode == 0, replayed.stderr
    assert graph(exported(tmp_path, tmp_path / "copy")) == graph(lines)


def test_who_names_no_command_line_does_not_load_its_library(tmp_path: Path) -> None:
    code = "import sys, cmdb.entrypoints.live as d; assert d.live; print('netmiko' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, check=False
    )

    assert re.sub(r"\s", "", done.stdout) == "False", done.stderr
