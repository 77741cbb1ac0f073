"""What other tools call hosts, as the identifiers and values that discovery uses for the same machines."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from cmdb.model import is_placeholder, vendor_slug
from cmdb.model.shared import is_burned_in
from cmdb.observation import Identifier
from collectors.push.entities import UNKNOWN_VENDOR
from collectors.snmp.serials import is_distinct, serial
from collectors.snmp.text import known, mac

MAX_MACS = 8  # weak keys, as discovery over SNMP gives them
MAX_NAME = 255
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
_LOCAL_NAMES = frozenset(("localhost", "localhost4", "localhost6", "ip6-localhost", "(none)"))


def word(value: object, most: int = MAX_NAME) -> str:
    """A value as one line of text; "" for what is none, or only stands for one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    found = known(str(value)[: 4 * most])
    return "" if found is None or is_placeholder(found) else " ".join(found.split())[:most]


def version(value: object) -> str:
    """A version as text; one digit is a version too."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join((known(str(value)[:1000]) or "").split())[:MAX_NAME]


def mac_of(value: object) -> str:
    """A MAC address as `00:1d:e5:84:98:c0`, "" for anything else."""
    return (mac(value) or "") if isinstance(value, str) else ""


def address_of(value: object) -> str:
    """An IP address in its one form, "" where it says nothing outside its machine or is none."""
    try:
        found = ipaddress.ip_address(value.partition("%")[0].strip()) if isinstance(value, str) else None
    except ValueError:
        return ""
    if found is None or found.is_loopback or found.is_unspecified or found.is_multicast:
        return ""
    return str(found)


def is_address(text: str) -> bool:
    """Whether a text is an IP address, of whatever kind."""
    try:
        ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True


def host_name(value: object) -> str:
    """A host name that says which host; "" for localhost, addresses and placeholders."""
    name = word(value).rstrip(".")
    if not name or " " in name or is_address(name):
        return ""
    lower = name.lower()
    return "" if lower in _LOCAL_NAMES or lower.startswith(("localhost.", "localhost6.")) else name


def serial_key(vendor: str, value: object) -> Identifier | None:
    """`serial:<vendor>:<number>`; weak where the maker is not known or the number is not distinct."""
    number = serial(value) if isinstance(value, str) else None
    if number is None:
        return None
    slug = vendor_slug(vendor) if vendor else None
    name = f"serial:{slug or UNKNOWN_VENDOR}:{number.replace(':', '')}"
    return Identifier(name, strong=slug is not None and is_distinct(number))


def uuid_key(value: object) -> Identifier | None:
    """`uuid:<uuid>` of the system."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return Identifier(f"uuid:{text}") if _UUID.fullmatch(text) and not is_placeholder(text) else None


def machine_key(value: object) -> Identifier | None:
    """`machine-id:<id>`, weak: cloned images share it."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return Identifier(f"machine-id:{text}", strong=False) if _MACHINE_ID.fullmatch(text) else None


def mac_keys(macs: Iterable[str]) -> list[Identifier]:
    """Weak keys of burned-in addresses, in order."""
    return [Identifier(f"mac:{m}", strong=False) for m in sorted({m for m in macs if m and is_burned_in(m)})][:MAX_MACS]


def name_keys(*names: str) -> list[Identifier]:
    """Weak keys of host names."""
    return [Identifier(f"sysname:{n.lower()}", strong=False) for n in dict.fromkeys(names) if n]


def in_order(keys: Iterable[Identifier | None]) -> tuple[Identifier, ...]:
    """The keys that there are, each once, strong ones first."""
    unique = {k.key: k for k in keys if k is not None}
    return tuple(sorted(unique.values(), key=lambda k: not k.strong))
