"""Values of identifiers that many things have: they tell nothing apart."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from cmdb.errors import Invalid
from cmdb.model.names import is_placeholder
from cmdb.model.shape import Key, Problems, check_keys, read_mapping

_FOLDER = Path(__file__).parent
SHARED = "shared.yaml"
_SHAPE = {
    "macs": Key("map", required=True),
    "networks": Key("texts", required=True),
    "engine_ids": Key("texts", required=True),
    "names": Key("texts", required=True),
}
_MACS = {
    "group": Key("texts", required=True),
    "made_up": Key("texts", required=True),
    "everywhere": Key("texts", required=True),
}
_PREFIX = re.compile(r"([0-9a-f]{2}:){1,5}[0-9a-f]{0,2}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Shared:
    """The tables: prefixes of MAC addresses, networks, engine ids, names."""

    group: tuple[str, ...]
    made_up: tuple[str, ...]
    everywhere: tuple[str, ...]
    networks: tuple[Network, ...]
    engine_ids: frozenset[str]
    names: frozenset[str]


def read_shared(folder: Path) -> Shared:
    """Read `shared.yaml`; raises Invalid that lists all that is wrong."""
    problems = Problems()
    found = check_keys(read_mapping(folder / SHARED, SHARED, problems), _SHAPE, SHARED, "", problems)
    macs = check_keys(found.get("macs", {}), _MACS, SHARED, "macs", problems)
    for kind, prefixes in macs.items():
        for prefix in prefixes:
            if not _PREFIX.fullmatch(prefix):
                problems.add(
                    SHARED, f"macs.{kind}", f"{prefix!r} does not begin a MAC address; write it as in 00:07:b4:"
                )
    networks: list[Network] = []
    for text in found.get("networks", ()):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError:
            problems.add(SHARED, "networks", f"{text!r} is no network; write it as in 127.0.0.0/8")
    if problems.lines:
        raise Invalid("the model can't be used:\n" + "\n".join(problems.lines))
    return Shared(
        tuple(macs["group"]),
        tuple(macs["made_up"]),
        tuple(macs["everywhere"]),
        tuple(networks),
        frozenset(found["engine_ids"]),
        frozenset(name.lower() for name in found["names"]),
    )


@cache
def _shared() -> Shared:
    return read_shared(_FOLDER)


def is_group_mac(mac: str) -> bool:
    """Whether a group of devices answers to an address (`00:00:5e:00:01:0a`): VRRP, HSRP and the like, multicast."""
    return bool(int(mac[:2], 16) & 1) or mac.startswith(_shared().group) or mac == "00:00:00:00:00:00"


@lru_cache(maxsize=65_536)
def is_burned_in(mac: str) -> bool:
    """Whether an address (`00:1d:e5:84:98:c0`) is universally administered, unicast, not shared, not made up."""
    return not int(mac[:2], 16) & 3 and _is_own(mac)


def is_default_engine(engine_id: str) -> bool:
    """Whether an snmpEngineID (hex) is one that software or images hand out."""
    return engine_id in _shared().engine_ids


@lru_cache(maxsize=65_536)
def tells_apart(scheme: str, value: str) -> bool:
    """Whether a value of an identifier can tell one thing from another; placeholders and shared values can't."""
    if scheme == "chassis-id":
        kind, _, value = value.partition(":")
        scheme = "mac" if kind == "mac" else kind
    if scheme == "mac":
        return not _MAC.fullmatch(value) or (not int(value[:2], 16) & 1 and _is_own(value))
    if scheme == "own-address":
        return _is_own_address(value)
    if scheme == "engine-id":
        return not is_default_engine(value)
    if scheme in ("uuid", "machine-id"):
        return not is_placeholder(value)
    if scheme == "serial":
        return not _is_word(value.rpartition(":")[2])
    return scheme != "sysname" or not (_is_word(value) or value.lower() in _shared().names)


def _is_word(value: str) -> bool:
    """Whether a text only stands for a value; one letter may be one in a file that a person wrote."""
    return len(value) > 1 and is_placeholder(value)


def _is_own(mac: str) -> bool:
    tables = _shared()
    if mac.startswith(tables.group) or mac.startswith(tables.made_up) or mac.startswith(tables.everywhere):
        return False
    return len(set(mac.split(":"))) > 2


def _is_own_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not any(address in network for network in _shared().networks)
