"""Devices as their makers let them describe themselves: which profile fits, and what it takes from that alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.snmp.catalogue import catalogue, enterprises, registered
from collectors.snmp.choose import choose
from collectors.snmp.system import facts
from tests.unit.snmp_answers import answers, report

# sysObjectID after 1.3.6.1.4.1, sysDescr, profile, model, os_name, os_version.
SEEN = [
    ("9.1.1208", "Cisco IOS Software, C2960S Software (C2960S-UNIVERSALK9-M), Version 12.2(55)SE7, RELEASE SOFTWARE",
     "cisco-ios", "C2960S", "IOS", "12.2(55)SE7"),
    ("9.1.2861", "Cisco IOS Software [Cupertino], C9800 Software (C9800_IOSXE-K9), Version 17.9.4a, RELEASE SOFTWARE",
     "cisco-ios-xe", "C9800", "IOS XE", "17.9.4a"),
    ("9.1.2704", "Cisco IOS XR Software (NCS-5500), Version 7.3.2", "cisco-ios-xr", "NCS-5500", "IOS XR", "7.3.2"),
    ("9.12.3.1.3.1812", "Cisco NX-OS(tm) nxos.9.3.5.bin, Software (nxos), Version 9.3(5), RELEASE SOFTWARE",
     "cisco-nx-os", None, "NX-OS", "9.3(5)"),
    ("9.1.1902", "Cisco Adaptive Security Appliance Version 9.8(4)20", "cisco-asa", None, "ASA", "9.8(4)20"),
    ("9.6.1.1004.24.1", "CBS350-24T-4G 24-Port Gigabit Managed Switch", "cisco-small-business", "CBS350-24T-4G", None,
     None),
    ("2636.1.1.1.2.157", "Juniper Networks, Inc. srx1500 internet router, kernel JUNOS 20.2R3.9, Build date",
     "juniper-srx", "srx1500", "Junos OS", "20.2R3.9"),
    ("30065.1.3011.7050", "Arista Networks EOS version 4.24.2F running on an Arista Networks DCS-7050SX3-48YC12",
     "arista-eos", "DCS-7050SX3-48YC12", "EOS", "4.24.2F"),
    ("11.2.3.7.11.181.20", "Aruba JL356A 2540-24G-PoE+-4SFP+ Switch, revision YC.16.10.0011, ROM YC.16.01.0002",
     "hp-procurve", "JL356A 2540-24G-PoE+-4SFP+ Switch", "ProCurve", "YC.16.10.0011"),
    ("674.10895.3059", "Dell EMC Networking N1548P, 6.6.1.6, Linux 4.15.18-2ac8b3ec", "dell-powerconnect", "N1548P",
     "Dell Networking OS6", "6.6.1.6"),
    ("674.10895.3024", "PowerConnect 8132F, 5.1.3.7, VxWorks 6.6", "dell-powerconnect", "PowerConnect 8132F", None,
     "5.1.3.7"),
    ("1916.2.301", "Extreme Networks Switch Engine (5520-24W-SwitchEngine) version 32.5.1.5 32.5.1.5-patch1-3 by x",
     "extreme-exos", "5520-24W", "ExtremeXOS", "32.5.1.5"),
    ("1916.2.319", "5520-24T-FabricEngine (8.8.0.0)", "extreme-voss", "5520-24T", "VOSS", "8.8.0.0"),
    ("45.3.78.1", "Ethernet Routing Switch 4850GTS-PWR+  HW:10       FW:5.8.0.1   SW:v5.9.2.030 BN:30 (c) Avaya",
     "nortel-ers", "4850GTS-PWR+", "BOSS", "5.9.2.030"),
    ("25053.3.1.4.100", "Ruckus Wireless Inc R510", "ruckus-wireless", "R510", None, None),
    ("6527.6.2.1.2.2.19", "TiMOS-B-20.10.R8 both/hops Nokia SAS-Mxp 22F2C 4SFP+ 7210 Copyright (c) 2000-2021 Nokia.",
     "nokia-sros", "SAS-Mxp 22F2C 4SFP+ 7210", "TiMOS", "20.10.R8"),
    ("8741.1", "SonicWALL TZ 400 (SonicOS Enhanced 6.5.4.7-83n)", "sonicwall", "TZ 400", "SonicOS", "6.5.4.7-83n"),
    ("8072.3.2.8", "FreeBSD OPNsense.localdomain 13.2-RELEASE-p7 FreeBSD stable/23.7-n254871-d5ec322cffc SMP amd64",
     "pfsense", None, "OPNsense", "23.7"),
    ("22610.1.3.14", "Thunder Series Application Service Gateway TH1030S, Advanced Core OS (ACOS) version 4.1.4",
     "a10-acos", "TH1030S", "ACOS", "4.1.4"),
    ("171.10.153.3.1", "DGS-1210-28/ME/B1 6.12.B032", "d-link", "DGS-1210-28/ME/B1", None, "6.12.B032"),
    ("4526.100.10.27", "M4300-28G ProSAFE 24-port 1G and 4-port 10G, 12.0.7.15, B1.0.0.9", "netgear", "M4300-28G", None,
     "12.0.7.15"),
    ("207.1.14.105", "Allied Telesis router/switch, AW+ v5.4.9-1.3", "allied-telesis", None, "AlliedWare Plus",
     "5.4.9-1.3"),
    ("17713.22.1.1", "cnPilot E400", "cambium", "cnPilot E400", "cnPilot", None),
    ("43356.1.1.1", "Mimosa Firmware 2.5.4.1", "mimosa", "B5", None, None),
    ("4329.6.1.2", "Siemens, SIMATIC NET, SCALANCE X308-2, 6GK5 308-2FL00-2AA3, HW: 4, FW: V4.01.04, SVPVB123456",
     "siemens-scalance", "SCALANCE X308-2", None, "4.01.04"),
    ("2606.7", "Rittal CMC III PU SN 12345678 HW V3.00 - SW V3.17.10_3", "rittal-cmc", "CMC III PU", None, "3.17.10_3"),
    ("12325.1.1.2.1.1", "isilon-1 123456789 Isilon OneFS v8.1.2.0", "emc-isilon", None, "OneFS", "8.1.2.0"),
    ("19046.11.1", "", "lenovo-imm", None, "XClarity Controller", None),
    ("231.1", "FUJITSU iRMC S5", "fujitsu-irmc", None, "iRMC", None),
    ("11.2.3.2.5", "HP-UX hpux1 B.11.31 U ia64 1234567890", "hp-ux", None, "HP-UX", "B.11.31"),
    ("1588.2.2.1.1.1.5", "Brocade VDX, Network Operating System Software Version 4.1.3.", "brocade-fabric-os", None,
     "Network OS", "4.1.3"),
    ("1916.2.28", "Summit48si - Version 7.8.4 (Build 1) by Release_Master ExtremeWare", "extreme-exos", "Summit48si",
     "ExtremeWare", "7.8.4"),
    ("9.1.451", "Cisco PIX Security Appliance Version 8.0(4)", "cisco-asa", None, "PIX OS", "8.0(4)"),
    ("26543.1.7.4", "IBM Networking Operating System RackSwitch G8124, version 7.11.2", "network", "G8124",
     "IBM Networking Operating System", "7.11.2"),
    ("8072.3.2.10", "Linux pve-1 6.8.12-1-pve #1 SMP PREEMPT_DYNAMIC PMX 6.8.12-1", "proxmox", None, "Proxmox VE",
     "6.8.12-1-pve"),
    ("367.1.1", "RICOH MP C3004 1.30 / RICOH Network Printer C model", "ricoh", "MP C3004", None, None),
    ("11.2.3.9.1", "HP ETHERNET MULTI-ENVIRONMENT,SN:ABC,FN:DEF,SVCID:1234,PID:HP LaserJet 400 M401dn",
     "hp-jetdirect", "LaserJet 400 M401dn", "JetDirect", None),
    ("664.1.1.591", "NetVanta 3430, Version: R10.9.0, Date: Thu", "network", "NetVanta 3430", "AOS", "10.9.0"),
    ("3417.1.1.42", "Blue Coat SG-S400 Series, Version: SGOS 6.7.4.3", "network", None, "SGOS", "6.7.4.3"),
]  # fmt: skip


def lines(oid: str, descr: str) -> str:
    return f"2.1.1.1.0|4x|{descr.encode().hex()}\n2.1.1.2.0|6|1.3.6.1.4.1.{oid}\n"


@pytest.mark.parametrize(("oid", "descr", "profile", "model", "system", "version"), SEEN)
def test_what_a_device_says_of_itself_is_understood(
    oid: str, descr: str, profile: str, model: str | None, system: str | None, version: str | None, tmp_path: Path
) -> None:
    said = answers(tmp_path, lines(oid, descr))
    got = report(tmp_path, lines(oid, descr)).observations[0].attributes

    assert choose(catalogue(), facts(said)).name == profile
    assert (got.get("model"), got.get("os_name"), got.get("os_version")) == (model, system, version)
    assert got.get("vendor") or oid.startswith("8072.")


@pytest.mark.parametrize("number", [2021, 8072, 99, 4_000_000_000])
def test_numbers_that_name_no_maker_name_none(number: int, tmp_path: Path) -> None:
    found = report(tmp_path, lines(f"{number}.1", "something"))

    assert "vendor" not in found.observations[0].attributes


def test_maker_of_anything_else_is_who_registered_the_number(tmp_path: Path) -> None:
    found = report(tmp_path, lines("59321.7.1", "thing"))

    assert registered(59321) == found.observations[0].attributes["vendor"]
    assert registered(9) == "ciscoSystems"
    assert registered(4_000_000_000) is None
    assert registered(0) is None


def test_every_number_of_the_table_names_the_maker_of_a_device_that_no_profile_knows(tmp_path: Path) -> None:
    fixed = {int(m.sys_object_id.split(".")[6]) for p in catalogue().profiles.values() for m in p.match
             if m.sys_object_id and m.sys_object_id.startswith("1.3.6.1.4.1.")}  # fmt: skip
    unknown = sorted(enterprises().keys() - fixed)[::20]

    for number in unknown:
        found = report(tmp_path, lines(f"{number}.1", "thing"))
        assert found.observations[0].attributes["vendor"] == enterprises()[number]
