"""The two names that Cisco IOS has for a port: ifDescr, which CDP tells too, and ifName."""

from __future__ import annotations

import re

_SHORT = {
    "FastEthernet": "Fa",
    "GigabitEthernet": "Gi",
    "TwoGigabitEthernet": "Tw",
    "FiveGigabitEthernet": "Fi",
    "TenGigabitEthernet": "Te",
    "TwentyFiveGigE": "Twe",
    "FortyGigabitEthernet": "Fo",
    "HundredGigE": "Hu",
    "Port-channel": "Po",
    "Ethernet": "Et",
    "Serial": "Se",
    "Vlan": "Vl",
    "Loopback": "Lo",
    "Tunnel": "Tu",
    "Null": "Nu",
    "Async": "As",
    "Dialer": "Di",
}
_PORT = re.compile(r"([A-Za-z\-]+)(\d+(?:/\d+){0,2}(?:[.:]\d+)?)")


def if_name(if_descr: str, description: str) -> str:
    """The ifName of a port with this ifDescr, given the sysDescr of its device; the same where that is not IOS.

    NX-OS and IOS XR have one name for both.
    """
    port = _PORT.fullmatch(if_descr)
    is_ios = "IOS" in description and "IOS XR" not in description and "IOS-XR" not in description
    return _SHORT[port[1]] + port[2] if is_ios and port and port[1] in _SHORT else if_descr
