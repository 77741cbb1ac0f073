"""Made-up answers of network command lines, by device type, and what a test asks about them."""

from __future__ import annotations

from textwrap import dedent

from cmdb.model.registry import load_model
from cmdb.observation import Observation, Report
from cmdb.reconcile.check import check_report
from cmdb.reconcile.draft import Problem
from collectors.cli.interpret import interpret
from collectors.facts import Facts
from collectors.transport.commands import CliAnswers, CommandAnswer, Outcome, answered

AT = 1_790_000_000_000

STACK_VERSION = """
    Cisco IOS XE Software, Version 16.12.04
    Cisco IOS Software [Gibraltar], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 16.12.4, RELEASE SOFTWARE (fc5)
    Technical Support: http://www.cisco.com/techsupport
    ROM: IOS-XE ROMMON
    BOOTLDR: System Bootstrap, Version 17.1.1r [FC3], RELEASE SOFTWARE (P)
    access-1 uptime is 2 weeks, 3 days
    System returned to ROM by Reload Command
    System image file is "flash:packages.conf"
    cisco C9300-48T (X86) processor with 1331521K/6147K bytes of memory.
    Processor board ID FOC1111A1AA
    Base Ethernet MAC Address          : 00:1d:e5:84:98:80
    Model Number                       : C9300-48T
    System Serial Number               : FOC1111A1AA
    Base Ethernet MAC Address          : 00:1d:e5:84:a0:00
    Model Number                       : C9300-24T
    System Serial Number               : FOC2222B2BB
    Configuration register is 0x102
"""
STACK_INVENTORY = """
    NAME: "c93xx Stack", DESCR: "c93xx Stack"
    PID: C9300-48T         , VID: V02  , SN: FOC1111A1AA

    NAME: "Switch 1", DESCR: "C9300-48T"
    PID: C9300-48T         , VID: V02  , SN: FOC1111A1AA

    NAME: "Switch 1 - Power Supply A", DESCR: "Switch 1 - Power Supply A"
    PID: PWR-C1-350WAC     , VID: V02  , SN: ART1111X1XX

    NAME: "Te2/1/1", DESCR: "SFP-10GBase-SR"
    PID: SFP-10G-SR        , VID: V03  , SN: AVD2222Y2YY

    NAME: "Switch 2", DESCR: "C9300-24T"
    PID: C9300-24T         , VID: V01  , SN: FOC2222B2BB
"""
INTERFACES = """
    GigabitEthernet1/0/1 is up, line protocol is up (connected)
      Hardware is Gigabit Ethernet, address is 001d.e584.9881 (bia 001d.e584.9881)
      Description: to core-1
      MTU 1500 bytes, BW 1000000 Kbit/sec, DLY 10 usec,
    GigabitEthernet1/0/2 is administratively down, line protocol is down (disabled)
      Hardware is Gigabit Ethernet, address is 001d.e584.9882 (bia 001d.e584.9882)
      MTU 1500 bytes, BW 1000000 Kbit/sec, DLY 10 usec,
    Vlan10 is up, line protocol is up
      Hardware is Ethernet SVI, address is 001d.e584.98c1 (bia 001d.e584.98c1)
      Internet address is 10.20.0.5/22
      MTU 1500 bytes, BW 1000000 Kbit/sec, DLY 10 usec,
"""
LLDP = """
    ------------------------------------------------
    Local Intf: Gi1/0/1
    Chassis id: 7c25.86c9.aa00
    Port id: Gi0/24
    Port Description: GigabitEthernet0/24
    System Name: core-1.example.net

    System Description:
    Cisco IOS Software, C2960X Software

    Time remaining: 97 seconds
    System Capabilities: B,R
    Enabled Capabilities: B,R
    Management Addresses:
        IP: 10.20.0.1
    Auto Negotiation - supported, enabled
    Vlan ID: 1


    Total entries displayed: 1
"""
CDP = """
    -------------------------
    Device ID: core-1.example.net
    Entry address(es):
      IP address: 10.20.0.1
    Platform: cisco WS-C2960X-24TS-L,  Capabilities: Router Switch IGMP
    Interface: GigabitEthernet1/0/1,  Port ID (outgoing port): GigabitEthernet0/24
    Holdtime : 136 sec

    Version :
    Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc3)

    advertisement version: 2
    Management address(es):
      IP address: 10.20.0.1
"""
STACK = {
    "show version": STACK_VERSION,
    "show inventory": STACK_INVENTORY,
    "show interfaces": INTERFACES,
    "show lldp neighbors detail": LLDP,
    "show cdp neighbors detail": CDP,
}
NEXUS = {
    "show version": """
        Cisco Nexus Operating System (NX-OS) Software
        Software
          BIOS: version 07.66
          NXOS: version 9.3(5)
        Hardware
          cisco Nexus9000 C93180YC-EX chassis
          Processor Board ID FDO3333C3CC

          Device name: leaf-1
        Kernel uptime is 12 day(s), 1 hour(s), 2 minute(s), 3 second(s)
    """,
    "show inventory": """
        NAME: "Chassis",  DESCR: "Nexus9000 C93180YC-EX chassis"
        PID: N9K-C93180YC-EX     ,  VID: V01 ,  SN: FDO4444D4DD

        NAME: "Power Supply 1",  DESCR: "Nexus9000 C93180YC-EX chassis Power Supply"
        PID: NXA-PAC-650W-PE     ,  VID: V01 ,  SN: LIT5555E5EE
    """,
    "show cdp neighbors detail": """
        ----------------------------------------
        Device ID:spine-1(FOX6666F6FF)
        System Name: spine-1

        Interface address(es):
            IPv4 Address: 10.20.1.1
        Platform: N9K-C9504, Capabilities: Router Switch IGMP Filtering
        Interface: Eth1/49, Port ID (outgoing port): Ethernet3/1
        Holdtime: 150 sec

        Version:
        Cisco Nexus Operating System (NX-OS) Software, Version 9.3(5)

        Advertisement Version: 2
    """,
}
EOS = {
    "show version": """
        Arista DCS-7050TX-64-R
        Hardware version:    01.11
        Serial number:       JPE7777G7GG
        System MAC address:  001c.7311.2233

        Software image version: 4.27.3M
        Architecture:           i686

        Uptime:                 3 weeks, 1 day, 2 hours and 3 minutes
        Total memory:           3818208 kB
        Free memory:            2387424 kB
    """,
    "show hostname": """
        Hostname: spine-1
        FQDN:     spine-1.example.net
    """,
}
EOS_INVENTORY = """
    System information
      Model                    Description
      ------------------------ ----------------------------------------------------
      DCS-7050TX-64-R          64-port 10GBASE-T SFP+ 1RU

      HW Version  Serial Number  Mfg Date   Epoch
      ----------- -------------- ---------- -----
      01.11       JPE7777G7GG    2015-01-01 01.00

    System has 2 power supply slots
      Slot Model            Serial Number
      ---- ---------------- ----------------
      1    PWR-500AC-R      K192L0011AA
      2    PWR-500AC-R      K192L0022BB
"""
JUNOS = {
    "show version": """
        Hostname: mx-1
        Model: mx240
        Junos: 20.4R3.8
        JUNOS OS Kernel 64-bit  [20210618.f43645e_builder_stable_11-204ab]
    """,
    "show chassis hardware": """
        Hardware inventory:
        Item             Version  Part number  Serial number     Description
        Chassis                                JN8888H8HHA       MX240
        Midplane         REV 07   760-021404   ABAA1234          MX240 Backplane
    """,
    "show lldp neighbors": """
        Local Interface    Parent Interface    Chassis Id          Port info          System Name
        ge-0/0/1           ae0                 2c:6b:f5:01:02:c0   ge-0/0/7           mx-2
    """,
}
VRP = {
    "display version": """
        Huawei Versatile Routing Platform Software
        VRP (R) software, Version 5.170 (S5720 V200R019C10SPC500)
        Copyright (C) 2000-2020 HUAWEI TECH Co., Ltd.
        HUAWEI S5720-28X-SI-AC Routing Switch uptime is 20 weeks, 1 day, 1 hour, 6 minutes
    """,
    "display current-configuration | include sysname": " sysname access-2",
    "display interface": """
        GigabitEthernet0/0/1 current state : Administratively DOWN
        Line protocol current state : DOWN
        Description:HUAWEI, Quidway Series, GigabitEthernet0/0/1 Interface
        Switch Port, PVID :    1, TPID : 8100(Hex), The Maximum Frame Length is 9216
        IP Sending Frames' Format is PKTFMT_ETHNT_2, Hardware address is 00e0-fc12-3456
    """,
}
COMWARE = {
    "display version": """
        HPE Comware Software, Version 7.1.070, Release 3506P06
        Copyright (c) 2010-2019 Hewlett Packard Enterprise Development LP
        HPE 5130 24G 4SFP+ EI Switch uptime is 3 weeks, 2 days, 4 hours, 7 minutes
    """,
    "display device manuinfo": """
        Slot 1 CPU 0:
        DEVICE_NAME          : 5130-24G-4SFP+ EI JG932A
        DEVICE_SERIAL_NUMBER : CN9999J9JJ
        MAC_ADDRESS          : 40B9-3C11-2233
        MANUFACTURING_DATE   : 2019-07-12
        VENDOR_NAME          : HPE
        Fan 1:
        The operation is not supported on the specified fan.
        Power 1:
        DEVICE_NAME          : LSPM2150A
        DEVICE_SERIAL_NUMBER : 210231A1KKB16A000
        MANUFACTURING_DATE   : 2018-07-14
        VENDOR_NAME          : H3C
         Slot 2 CPU 0:
        DEVICE_NAME          : 5130-24G-4SFP+ EI JG932A
        DEVICE_SERIAL_NUMBER : CN8888L8LL
        MAC_ADDRESS          : 40B9-3C11-4455
        MANUFACTURING_DATE   : 2019-07-12
        VENDOR_NAME          : HPE
    """,
}
SITES: dict[str, dict[str, str]] = {
    "cisco_xe": STACK,
    "cisco_nxos": NEXUS,
    "arista_eos": EOS,
    "juniper_junos": JUNOS,
    "huawei_vrp": VRP,
    "hp_comware": COMWARE,
}


def answers(platform: str, texts: dict[str, str], **failed: Outcome) -> CliAnswers:
    """Answers as the transport gives them; `failed` commands have `_` for blanks."""
    found = {command: answered(command, dedent(text).lstrip("\n")) for command, text in texts.items()}
    for name, outcome in failed.items():
        command = name.replace("_", " ")
        found[command] = CommandAnswer(command, "half an ans", outcome)
    return CliAnswers(platform, found)


def told(platform: str, texts: dict[str, str] | None = None, **failed: Outcome) -> tuple[Report, Facts]:
    """What answers mean, held against the model."""
    found = interpret("sw", "192.0.2.7", answers(platform, SITES[platform] if texts is None else texts, **failed), AT)
    problems: list[Problem] = []
    check_report(found[0], load_model(), problems)

    assert problems == []

    return found


def of_class(report: Report, ci_class: str) -> dict[str, Observation]:
    """Observations of a class by key."""
    return {o.key: o for o in report.observations if o.ci_class == ci_class}
