"""What is in a device beside the parts of ENTITY-MIB: file systems, software, guests, supplies, power."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmdb.observation import Report
from collectors.discover import Bounds, Told, visit
from collectors.said_once import said_once
from collectors.snmp.host_resources import Product, product
from tests.unit.snmp_answers import AT, answers, of_class, report

LINUX = "2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10\n2.1.1.1.0|4|Linux web-1 6.1.0-28-amd64 #1 SMP Debian 6.1.119-1\n"
DISK, MEMORY = "1.3.6.1.2.1.25.2.1.4", "1.3.6.1.2.1.25.2.1.2"


def storage(*rows: tuple[str, str, int, int]) -> str:
    """Rows of hrStorageTable: type, description, unit, size."""
    out = ""
    for n, (kind, descr, unit, size) in enumerate(rows, start=1):
        out += f"2.1.25.2.3.1.2.{n}|6|{kind}\n2.1.25.2.3.1.3.{n}|4|{descr}\n"
        out += f"2.1.25.2.3.1.4.{n}|2|{unit}\n2.1.25.2.3.1.5.{n}|2|{size}\n"
    return out


def test_file_systems_are_those_on_disks(tmp_path: Path) -> None:
    told = storage(
        (MEMORY, "Physical memory", 1024, 4096),
        (DISK, "/", 4096, 1000),
        (DISK, "/run/lock", 4096, 1000),
        (DISK, "/srv", 4096, -2_000_000_000),
        (DISK, "/dev/ada0p2: /usr, mounted on: /usr", 512, 8),
        (DISK, r"C:\ Label:System  Serial Number d8b2d41", 4096, 2),
        (DISK, "Disk without a place", 4096, 2),
    )
    found = {o.key: o.attributes for o in of_class(report(tmp_path, LINUX + told), "Filesystem")}

    assert {key: a["size_bytes"] for key, a in found.items()} == {
        "/": 4_096_000,
        "/srv": 4096 * ((1 << 32) - 2_000_000_000),
        "/usr": 4096,
        "C:\\": 8192,
    }
    assert found["/usr"]["device"] == "/dev/ada0p2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adduser_3.134_all", Product("adduser", "3.134", "all", "deb")),
        ("libstdc++6_12.2.0-14_amd64", Product("libstdc++6", "12.2.0-14", "amd64", "deb")),
        ("bash-5.1.8-9.el9.x86_64", Product("bash", "5.1.8-9.el9", "x86_64", "rpm")),
        ("java-1.8.0-openjdk-1.8.0.402.b06-2.el8", Product("java-1.8.0-openjdk", "1.8.0.402.b06-2.el8", "", "rpm")),
        ("curl-8.7.1", Product("curl", "8.7.1")),
        ("Microsoft Visual C++ 2008 Redistributable - x86 9.0.30729.4148", None),
        ("Notepad++ (64-bit x64)", Product("Notepad++ (64-bit x64)")),
    ],
)
def test_name_of_an_installed_product_is_taken_apart(name: str, expected: Product | None) -> None:
    found = product(name)

    assert found == (expected or Product("Microsoft Visual C++ 2008 Redistributable - x86", "9.0.30729.4148"))


def test_package_has_the_url_that_the_host_itself_would_give_it(tmp_path: Path) -> None:
    told = "2.1.25.6.3.1.2.1|4|libstdc++6_12.2.0-14_amd64\n2.1.25.6.3.1.2.2|4|Backup Agent 7.2\n"
    found = of_class(report(tmp_path, LINUX + told), "SoftwareProduct")

    assert {o.key for o in found} == {
        "purl:pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64",
        "product:unknown:backup agent:7.2",
    }
    assert {(link.type, link.to) for o in found for link in o.links} == {("INSTALLED_ON", "target:lab-1")}


RUNNING = """
2.1.25.4.2.1.2.700|4|postgres
2.1.25.4.2.1.4.700|4|/usr/lib/postgresql/15/bin/postgres
2.1.25.4.2.1.5.700|4|-D /var/lib/postgresql --password=hunter22
2.1.25.4.2.1.2.701|4|postgres
2.1.25.4.2.1.4.701|4|postgres: checkpointer
2.1.25.4.2.1.2.800|4|kworker/0:1
2.1.25.4.2.1.2.900|4|nginx.exe
2.1.25.4.2.1.4.900|4|C:\\nginx\\
2.1.6.20.1.4.1.4.0.0.0.0.5432|66|700
2.1.6.20.1.4.2.16.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5432|66|700
2.1.6.20.1.4.1.4.127.0.0.1.4711|66|800
2.1.6.20.1.4.9.4.1.1.1.1.22|66|700
"""


def test_programs_that_serve_are_known_by_product_and_port(tmp_path: Path) -> None:
    found = {o.key: o.attributes for o in of_class(report(tmp_path, LINUX + RUNNING), "SoftwareInstance")}

    assert found["tcp-5432"] == {
        "name": "postgresql:5432",
        "product": "postgresql",
        "kind": "database",
        "listen": ["tcp/0.0.0.0:5432", "tcp/[::]:5432"],
        "command": "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql --password=<private>",
    }
    assert found["nginx"]["kind"] == "web_server"
    assert not any("kworker" in str(a) for a in found.values())


def test_listeners_without_processes_are_given_to_the_product_that_has_its_port_there(tmp_path: Path) -> None:
    told = RUNNING.replace("|66|700", "|66|0").replace("|66|800", "|66|0")
    found = of_class(report(tmp_path, LINUX + told), "SoftwareInstance")

    assert {o.key for o in found} == {"tcp-5432", "postgresql", "nginx"} - {"postgresql"}


def test_network_devices_tell_no_programs_and_no_file_systems(tmp_path: Path) -> None:
    found = report(tmp_path, "2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\n" + RUNNING + storage((DISK, "/", 1, 1)))

    assert {o.ci_class for o in found.observations} == {"NetworkDevice"}


GUESTS = """
2.1.1.2.0|6|1.3.6.1.4.1.6876.4.1
4.1.6876.2.1.1.2.1|4|shop-db
4.1.6876.2.1.1.4.1|4|Debian GNU/Linux 12 (64-bit)
4.1.6876.2.1.1.5.1|2|8192
4.1.6876.2.1.1.6.1|4|poweredOn
4.1.6876.2.1.1.9.1|2|4
4.1.6876.2.1.1.10.1|4|564d8c6a-1b2c-3d4e-5f60-718293a4b5c6
4.1.6876.2.1.1.2.2|4|old-db
4.1.6876.2.1.1.4.2|4|E: tools not installed
4.1.6876.2.1.1.6.2|4|powered off
4.1.6876.2.1.1.10.2|4|56 4d 8c 6a 1b 2c 3d 4e-5f 60 71 82 93 a4 b5 c7
4.1.6876.2.1.1.2.3|4|nameless
4.1.6876.2.1.1.10.3|4|00000000-0000-0000-0000-000000000000
"""


def test_virtual_machines_that_are_on_run_on_their_host(tmp_path: Path) -> None:
    found = {o.attributes["name"]: o for o in of_class(report(tmp_path, GUESTS), "VirtualMachine")}

    assert set(found) == {"shop-db", "old-db"}
    assert found["shop-db"].attributes == {
        "name": "shop-db",
        "uuid": "564d8c6a-1b2c-3d4e-5f60-718293a4b5c6",
        "memory_bytes": 8 << 30,
        "vcpus": 4,
        "os_name": "Debian GNU/Linux 12 (64-bit)",
    }
    assert [(link.type, link.to) for link in found["shop-db"].links] == [("RUNS_ON", "target:lab-1")]
    assert found["old-db"].links == ()
    assert found["old-db"].role == "reported"


PRINTER = """
2.1.1.2.0|6|1.3.6.1.4.1.11.2.3.9.1
2.1.43.5.1.1.17.1|4|VNC3100001
2.1.43.11.1.1.3.1.1|2|1
2.1.43.11.1.1.5.1.1|2|3
2.1.43.11.1.1.6.1.1|4|Black Cartridge CF410A
2.1.43.11.1.1.7.1.1|2|7
2.1.43.11.1.1.8.1.1|2|2300
2.1.43.11.1.1.9.1.1|2|1100
2.1.43.11.1.1.3.1.2|2|0
2.1.43.11.1.1.5.1.2|2|4
2.1.43.11.1.1.6.1.2|4|Waste box
2.1.43.11.1.1.8.1.2|2|-2
2.1.43.12.1.1.4.1.1|4|black
"""


def test_supplies_of_a_printer_are_told_without_how_full_they_are(tmp_path: Path) -> None:
    found = {o.key: o.attributes for o in of_class(report(tmp_path, PRINTER), "Supply")}

    assert found == {
        "Black Cartridge CF410A": {
            "name": "Black Cartridge CF410A",
            "kind": "toner",
            "colour": "black",
            "capacity": 2300,
            "unit": "impressions",
        },
        "Waste box": {"name": "Waste box", "kind": "waste"},
    }
    assert report(tmp_path, PRINTER.replace("|1100", "|20")).observations == report(tmp_path, PRINTER).observations


UPS = """
2.1.33.1.1.2.0|4|Model 3000
2.1.33.1.2.1.0|2|2
2.1.33.1.9.1.0|2|230
2.1.33.1.9.3.0|2|230
2.1.33.1.9.5.0|2|3000
2.1.33.1.9.6.0|2|0
"""


def test_ups_tells_what_it_is_built_for_and_that_it_has_a_battery(tmp_path: Path) -> None:
    found = report(tmp_path, UPS)
    told = {k: v for k, v in found.observations[0].attributes.items() if k.startswith("rated")}

    assert told == {"rated_power_va": 3000, "rated_input_voltage_v": 230, "rated_output_voltage_v": 230}
    assert [o.attributes["kind"] for o in of_class(found, "Module")] == ["battery"]


def ports(*names: str, first: int = 1) -> str:
    """Ethernet ports with these names, numbered from `first`."""
    rows = (f"2.1.2.2.1.3.{i}|2|6\n2.1.31.1.1.1.1.{i}|4|{name}\n" for i, name in enumerate(names, start=first))
    return "2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\n" + "".join(rows)


def poe(*places: str) -> str:
    return "".join(f"2.1.105.1.1.1.3.{place}|2|{1 if place.endswith('1') else 2}\n" for place in places)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (ports("Gi1/0/1", "Gi1/0/2", "Te1/1/1") + poe("1.1", "1.2"), {"Gi1/0/1": True, "Gi1/0/2": False}),
        (ports("Gi1/0/1", "Gi2/0/1", first=9) + poe("1.1", "2.1"), {"Gi1/0/1": True, "Gi2/0/1": True}),
        (ports("1", "2", first=49) + poe("1.1", "1.2"), {"1": True, "2": False}),
        (ports("lan-a", "lan-b", first=101) + poe("1.101", "1.102"), {"lan-a": True, "lan-b": False}),
        (ports("lan-a", "lan-b", first=101) + poe("1.1", "1.2"), {}),  # nothing says which port is which
        (ports("Gi1/0/1", first=7) + poe("1.1", "1.2"), {}),
    ],
)
def test_port_that_feeds_is_found_by_its_name_or_its_number(
    lines: str, expected: dict[str, bool], tmp_path: Path
) -> None:
    found = of_class(report(tmp_path, lines), "Interface")

    assert {o.key: o.attributes["poe_enabled"] for o in found if "poe_enabled" in o.attributes} == expected


def test_power_for_ports_is_that_of_all_sources(tmp_path: Path) -> None:
    told = ports("Gi1/0/1") + poe("1.1") + "2.1.105.1.3.1.1.2.1|66|370\n2.1.105.1.3.1.1.2.2|66|740\n"

    assert report(tmp_path, told).observations[0].attributes["poe_power_w"] == 1110


def test_agent_without_a_table_is_asked_for_it_once(tmp_path: Path) -> None:
    asked = answers(tmp_path, LINUX).tables

    for table, columns in {
        (25, 2, 3, 1): 1,
        (25, 4, 2, 1): 1,
        (25, 6, 3, 1): 1,
        (6, 20, 1): 0,
        (43, 11, 1, 1): 0,
    }.items():
        below = [root for root in asked if root[6 : 6 + len(table)] == table]
        assert len(below) == columns


def test_what_a_host_tells_over_ssh_is_not_told_again_over_snmp(tmp_path: Path) -> None:
    told = report(tmp_path, LINUX + RUNNING + storage((DISK, "/", 1, 1)) + "2.1.25.6.3.1.2.1|4|bash_5.2_amd64\n")
    host = Report("ssh", "lab-1", AT, (), tables=("packages", "mounts"))
    other = Report("netmiko", "lab-1", AT, (), tables=("packages", "mounts", "listeners"))

    assert {o.ci_class for o in said_once(told, [told, host]).observations} == {"Computer", "SoftwareInstance"}
    assert said_once(told, [told, host]).tables == told.tables
    assert said_once(told, [told, other]) is told
    assert said_once(host, [told, host]) is host


@dataclass(frozen=True)
class Answering:
    """A protocol that tells a report."""

    report: Report

    @property
    def source(self) -> str:
        return self.report.source

    async def is_needed(self, told: Sequence[Told]) -> bool:
        return True

    async def ask(self, told: Sequence[Told], budget_s: float) -> Told:
        return Told(self.report)


@dataclass(frozen=True)
class Host:
    """A target that is asked by some protocols."""

    approaches: Sequence[Answering]
    name: str = "lab-1"
    address: str = ""
    subnet: str = ""
    expected: bool = True


def test_a_host_asked_by_both_protocols_has_its_software_once(tmp_path: Path) -> None:
    told = report(tmp_path, LINUX + "2.1.25.6.3.1.2.1|4|bash_5.2_amd64\n")
    over_ssh = Report("ssh", "lab-1", AT, (), tables=("packages",))
    result = asyncio.run(visit(Host([Answering(told), Answering(over_ssh)]), Bounds()))

    assert [o.ci_class for one in result.told for o in one.report.observations] == ["Computer"]
