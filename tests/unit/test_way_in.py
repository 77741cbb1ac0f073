"""Which devices are logged in to, and in which way: as a host, as a network device, or not at all."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from itertools import product

import pytest

from cmdb.observation import Observation, Report
from collectors.approaches import OverCli, OverSsh
from collectors.discover import Told
from collectors.transport.greeting import greeting
from collectors.transport.ssh_socket import SshLimits
from collectors.way_in import Door, RecordedDoor, known_platform, way_in

IOS = ("1.3.6.1.4.1.9.1.1208", "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3")
NET_SNMP = "1.3.6.1.4.1.8072.3.2.10"
LINUX = "Linux gw-1 6.1.0-18-amd64 #1 SMP x86_64"
OPENSSH, CISCO = "SSH-2.0-OpenSSH_9.2p1 Debian-2", "SSH-2.0-Cisco-1.25"
BOTH = ("snmp", "ssh", "netmiko")


def by_snmp(ci_class: str, oid: str = "", descr: str = "", vendor: str = "", source: str = "snmp") -> list[Told]:
    attributes = {"name": "t", "sys_object_id": oid, "sys_description": descr, "vendor": vendor}
    said = {k: v for k, v in attributes.items() if v}
    return [Told(Report(source, "t", 1, (Observation(ci_class, "target:t", said),)))]


@pytest.mark.parametrize(
    ("told", "greets", "protocols", "way"),
    [
        (by_snmp("NetworkDevice", *IOS), "", BOTH, "command line"),
        (by_snmp("NetworkDevice", *IOS), OPENSSH, BOTH, "command line"),
        (by_snmp("Endpoint", *IOS), "", BOTH, "command line"),
        (by_snmp("NetworkDevice", "1.3.6.1.4.1.14988.1", "RouterOS"), "", BOTH, "none"),
        (by_snmp("Computer", NET_SNMP, LINUX), CISCO, BOTH, "shell"),
        (by_snmp("Computer", *IOS), "", BOTH, "shell"),
        (by_snmp("VirtualMachine"), "", BOTH, "shell"),
        (by_snmp("StorageDevice"), "", BOTH, "shell"),
        (by_snmp("Printer"), OPENSSH, BOTH, "none"),
        (by_snmp("PowerDevice", NET_SNMP, LINUX), OPENSSH, BOTH, "none"),
        (by_snmp("NetworkDevice", NET_SNMP, LINUX), "", BOTH, "shell"),
        (by_snmp("NetworkDevice", NET_SNMP, "FreeBSD fw 14.0-RELEASE amd64"), "", BOTH, "shell"),
        (by_snmp("NetworkDevice", NET_SNMP, LINUX, vendor="Ubiquiti"), "", BOTH, "none"),
        (by_snmp("NetworkDevice", "1.3.6.1.4.1.41112.1.4", LINUX), "", BOTH, "none"),
        (by_snmp("NetworkDevice", NET_SNMP, "Wireless bridge"), "", BOTH, "none"),
        ([], OPENSSH, BOTH, "shell"),
        ([], "", BOTH, "shell"),
        ([], CISCO, BOTH, "command line"),
        ([], CISCO, ("ssh",), "command line"),  # which the scope does not name: nobody logs in
        ([], OPENSSH, ("netmiko",), "command line"),
        ([], "", ("netmiko",), "command line"),
        ([Told(Report("snmp", "t", 1, ()))], CISCO, BOTH, "command line"),
        (by_snmp("NetworkDevice", source="netmiko"), OPENSSH, BOTH, "shell"),  # only SNMP decides
    ],
)
def test_there_is_one_way_in(told: list[Told], greets: str, protocols: Sequence[str], way: str) -> None:
    assert way_in(told, greets, protocols) == way


@pytest.mark.parametrize(
    ("line", "is_network"),
    [
        ("SSH-2.0-Cisco-1.25", True), ("SSH-1.99-Cisco-1.25", True), ("SSH-2.0-HUAWEI-1.5", True), ("SSH-2.0--", True),
        ("SSH-2.0-Comware-7.1.070", True), ("SSH-2.0-ROSSSH", True), ("SSH-2.0-RomSShell_4.62", True),
        ("SSH-2.0-OpenSSH_8.7", False), ("SSH-2.0-dropbear_2022.83", False), ("SSH-2.0-OpenSSH_for_Windows_9.5", False),
        ("SSH-2.0-CoreFTP", False), ("", False), ("HTTP/1.1 400", False),
    ],
)  # fmt: skip
def test_greetings_of_network_devices_are_known(line: str, is_network: bool) -> None:
    assert (way_in([], line, BOTH) == "command line") is is_network


def test_the_platform_is_known_by_what_the_agent_told() -> None:
    assert known_platform(by_snmp("NetworkDevice", *IOS)) == "cisco_ios"
    assert known_platform(by_snmp("Computer", *IOS)) is None
    assert known_platform([]) is None


@pytest.mark.parametrize(("told", "greets"), list(product(([], by_snmp("NetworkDevice", *IOS)), (OPENSSH, CISCO))))
def test_nothing_is_logged_in_to_in_both_ways(told: list[Told], greets: str) -> None:
    asked = []

    async def greet() -> str:
        asked.append(1)
        return greets

    async def needed() -> list[bool]:
        door = Door(BOTH, greet)
        # Sessions are not opened here.
        cli = OverCli("t", lambda platform, budget_s: None, lambda: 1, door)  # type: ignore[arg-type,return-value]
        ssh = OverSsh("t", lambda budget_s: None, lambda: 1, door)  # type: ignore[arg-type,return-value]
        return [await cli.is_needed(told), await ssh.is_needed(told)]

    assert sorted(asyncio.run(needed())) == [False, True]
    assert len(asked) == (0 if told else 1)


def test_a_recording_goes_the_way_it_went() -> None:
    assert asyncio.run(RecordedDoor("command line").way(by_snmp("Computer"))) == "command line"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (b"SSH-2.0-Cisco-1.25\r\n", "SSH-2.0-Cisco-1.25"),
        (b"keep out\r\nSSH-2.0-x y\nmore", "SSH-2.0-x y"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ""),
        (b"x" * 100_000, ""),
        (b"", ""),
    ],
)
def test_a_greeting_is_heard_without_a_word(said: bytes, line: str) -> None:
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    connection.sendall(said)
                    connection.shutdown(socket.SHUT_WR)
                    received.append(connection.recv(100))
                except OSError:  # it was let go before it had said all
                    received.append(b"")

        thread = threading.Thread(target=serve)
        thread.start()
        heard = asyncio.run(greeting("t", "127.0.0.1", listening.getsockname()[1]))
        thread.join(30)

    assert heard == line
    assert received == [b""]


def test_where_nobody_listens_no_greeting_is_heard() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    limits = SshLimits(connect_s=2, banner_s=2)

    assert asyncio.run(greeting("t", "127.0.0.1", port, (), limits)) == ""
    assert asyncio.run(greeting("t", "127.0.0.1", port, ("127.0.0.1",), limits)) == ""
