"""One spelling for the many ways in which a port's name is written."""

from __future__ import annotations

import functools
import re

_KINDS = {
    "gigabitethernet": "gi",
    "gigabit": "gi",
    "gige": "gi",
    "ge": "gi",
    "tengigabitethernet": "te",
    "ten-gigabitethernet": "te",
    "xgigabitethernet": "te",
    "tengige": "te",
    "xge": "te",
    "twentyfivegige": "twe",
    "twentyfivegigabitethernet": "twe",
    "fortygigabitethernet": "fo",
    "fortygige": "fo",
    "hundredgigabitethernet": "hu",
    "hundredgige": "hu",
    "fastethernet": "fa",
    "ethernet": "eth",
    "et": "eth",
    "port-channel": "po",
    "portchannel": "po",
    "bundle-ether": "be",
    "management": "mgmt",
    "ma": "mgmt",
    "serial": "se",
    "vlan": "vl",
}
_NUMBERED = re.compile(r"([a-z]+(?:-[a-z]+)*) ?(\d[\w/.:\-]*)")
_SLOT_AND_PORT = re.compile(r"(?:unit|slot):? *(\d+),? *port:? *(\d+)")


@functools.lru_cache(maxsize=65536)
def spelling(name: str) -> str:
    """Lower case, kinds of port shortened: `GigabitEthernet1/0/1` and `Gi 1/0/1` are `gi1/0/1`."""
    plain = " ".join(name.lower().split())
    numbered = _NUMBERED.fullmatch(plain)
    if numbered:
        return _KINDS.get(numbered[1], numbered[1]) + numbered[2]
    return plain


def variants(name: str) -> list[str]:
    """Other spellings that may be meant, best first.

    `Slot: 1, Port: 24` is `1:24` and, on a device without slots, `24` (EXOS); of `bridge/bond1/ether3` the last part
    is the port (RouterOS); `ge-0/0/0.0` lies on `ge-0/0/0`.
    """
    plain = " ".join(name.lower().split())
    found = []
    slotted = _SLOT_AND_PORT.search(plain)
    if slotted:
        found += [f"{slotted[1]}:{slotted[2]}", f"{slotted[1]}/{slotted[2]}", slotted[2]]
    slot, colon, port = plain.partition(":")
    if colon and slot == "1" and port.isdigit():
        found.append(port)
    last = plain.rpartition("/")[2]
    if last != plain and all(part[:1].isalpha() for part in plain.split("/")):
        found.append(last)
    head, dot, unit = plain.rpartition(".")
    if dot and unit.isdigit():
        found.append(head)
    return [spelling(one) for one in found]
