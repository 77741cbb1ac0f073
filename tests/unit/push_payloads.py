"""Payloads as the tools write them, small ones, made for these tests."""

from __future__ import annotations

import hashlib
from typing import Any

FACTS: dict[str, Any] = {
    "ansible_nodename": "web-1",
    "ansible_hostname": "web-1",
    "ansible_fqdn": "web-1.example.net",
    "ansible_distribution": "Debian",
    "ansible_distribution_version": "12.11",
    "ansible_system_vendor": "Dell Inc.",
    "ansible_product_name": "PowerEdge R640",
    "ansible_product_serial": "7XK2Q43",
    "ansible_product_uuid": "4C4C4544-0058-4B10-8032-B7C04F513433",
    "ansible_machine_id": "5f1c8a2be1d94c0fa7714f9d21bb0b5d",
    "ansible_virtualization_role": "host",
    "ansible_virtualization_type": "kvm",
    "ansible_memtotal_mb": 64000,
    "ansible_processor_vcpus": 32,
    "ansible_default_ipv4": {"address": "10.1.0.11", "interface": "bond0"},
    "ansible_date_time": {"epoch": "1763999000"},
    "ansible_interfaces": ["lo", "eth0", "eth1", "bond0", "br-lan"],
    "ansible_lo": {"device": "lo", "type": "loopback", "active": True, "ipv4": {"address": "127.0.0.1", "prefix": "8"}},
    "ansible_eth0": {
        "device": "eth0",
        "type": "ether",
        "macaddress": "e4:43:4b:00:10:01",
        "mtu": 9000,
        "speed": 25000,
        "active": True,
    },
    "ansible_eth1": {
        "device": "eth1",
        "type": "ether",
        "macaddress": "e4:43:4b:00:10:02",
        "speed": -1,
        "active": False,
    },
    "ansible_bond0": {
        "device": "bond0",
        "type": "bonding",
        "slaves": ["eth0", "eth1"],
        "macaddress": "e4:43:4b:00:10:01",
        "ipv4": {"address": "10.1.0.11", "prefix": "24"},
        "ipv4_secondaries": [{"address": "10.1.0.12", "prefix": "32"}],
        "ipv6": [{"address": "2001:db8::11", "prefix": "64"}, {"address": "fe80::1", "prefix": "64"}],
    },
    "ansible_br_lan": {"device": "br-lan", "type": "bridge"},
}

NMAP = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/share/nmap/nmap.xsl" type="text/xsl"?>
<nmaprun scanner="nmap" start="1763999000" version="7.93" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="3" services="22,80,443"/>
<host starttime="1763999000" endtime="1763999010"><status state="up" reason="arp-response"/>
<address addr="10.1.0.2" addrtype="ipv4"/><address addr="00:1D:E5:84:98:C0" addrtype="mac" vendor="Cisco Systems"/>
<hostnames><hostname name="sw-2.example.net" type="PTR"/></hostnames>
<ports>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/>
<service name="ssh" product="Cisco SSH" version="1.25" method="probed" conf="10"/></port>
<port protocol="tcp" portid="80"><state state="closed" reason="reset"/>
<service name="http" method="table" conf="3"/></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/>
<service name="https" method="table" conf="3"/></port>
</ports>
<os><osmatch name="Cisco IOS 15" accuracy="98">
<osclass type="switch" vendor="Cisco" osfamily="IOS" accuracy="98"/></osmatch></os>
</host>
<host endtime="1763999011"><status state="down" reason="no-response"/><address addr="10.1.0.3" addrtype="ipv4"/></host>
<host endtime="1763999012"><status state="up" reason="echo-reply"/><address addr="10.1.0.4" addrtype="ipv4"/>
<ports><extraports state="filtered" count="3"/></ports></host>
<runstats><finished time="1763999013" exit="success"/></runstats>
</nmaprun>
"""

LLDP0: dict[str, Any] = {
    "lldp": [
        {
            "interface": [
                {
                    "name": "eth0",
                    "via": "LLDP",
                    "chassis": [
                        {
                            "id": [{"type": "mac", "value": "00:1d:e5:84:98:c0"}],
                            "name": [{"value": "sw-1.example.net"}],
                            "descr": [{"value": "Cisco IOS Software"}],
                            "mgmt-ip": [{"value": "10.1.0.1"}],
                            "capability": [
                                {"type": "Bridge", "enabled": True},
                                {"type": "Router", "enabled": False},
                            ],
                        }
                    ],
                    "port": [
                        {
                            "id": [{"type": "ifname", "value": "Gi1/0/7"}],
                            "descr": [{"value": "to web-1"}],
                        }
                    ],
                },
                {
                    "name": "eth1",
                    "via": "CDPv2",
                    "chassis": [{"id": [{"type": "local", "value": "SEP001122"}], "name": [{"value": "SEP001122"}]}],
                    "port": [{"id": [{"type": "local", "value": "Port 1"}]}],
                },
            ]
        }
    ]
}

LLDP: dict[str, Any] = {
    "lldp": {
        "interface": {
            "eth0": {
                "via": "LLDP",
                "chassis": {
                    "web-2": {
                        "id": {"type": "mac", "value": "e4:43:4b:00:20:01"},
                        "descr": "Debian GNU/Linux 12 (bookworm) Linux 6.1.0",
                        "mgmt-ip": ["10.1.0.22", "fe80::1"],
                        "capability": [{"type": "Station", "enabled": True}],
                    }
                },
                "port": {"id": {"type": "mac", "value": "e4:43:4b:00:20:02"}, "descr": "eth3"},
            }
        }
    }
}


def notification(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A webhook message of Alertmanager."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="InstanceDown"}',
        "status": "firing",
        "receiver": "cmdb",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alerts.example.net",
        "alerts": list(alerts),
        **more,
    }


def alert(instance: str, name: str = "InstanceDown", status: str = "firing", **labels: str) -> dict[str, Any]:
    """One alert about an instance."""
    return {
        "status": status,
        "labels": {"alertname": name, "instance": instance, **labels},
        "annotations": {"summary": "it is gone"},
        "startsAt": "2025-11-24T15:00:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": hashlib.sha256(f"{instance} {name}".encode()).hexdigest()[:16],
    }
