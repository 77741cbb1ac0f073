"""Network interfaces of a host, with their addresses and what they are bundled into."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from cmdb.observation import Link, Observation, path
from cmdb.observation import Value as Attribute
from collectors.hosts.read import ADDRESSES, LINKS, SYSFS_LINKS
from collectors.snmp import addresses as shared
from collectors.snmp.addresses import Configured
from collectors.snmp.interfaces import Interface
from collectors.transport.host_answers import HostAnswers

MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
NO_MACS = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")
BUNDLES = frozenset({"bond", "team"})
_KINDS = """
bond team bridge vlan veth tun dummy ifb vxlan macvlan macvtap ipvlan ipvtap wireguard gre gretap ipip sit vti vrf
ip6tnl ip6gre ip6gretap geneve nlmon hsr erspan vcan can ipoib netdevsim wwan
"""
KINDS = frozenset(_KINDS.split())
# What container engines and hypervisors make for their guests: it comes and goes with them.
_GUESTS = re.compile(
    r"veth[0-9a-f]{6,}\w*|veth\w*@\w+|cali[0-9a-f]{11}|lxc[0-9a-f_]\w*|vnet\d+|tap[0-9a-f-]{6,}|tap\d+i\d+"
    r"|fw(?:br|pr|ln)\d+\w*|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|virbr\d+(?:-nic)?|lxcbr\d+|lxdbr\d+|cni\d+"
    r"|cni-podman\d+|podman\d+|flannel[.\d]+|kube-ipvs\d+|nodelocaldns|cilium_\w+"
)
# The kernel makes these with its modules; nobody configured them.
_TEMPLATES = re.compile(r"(?:sit|tunl|gre|gretap|erspan|ip_vti|ip6_vti|ip6tnl|ip6gre|ifb|teql|dummy)\d+")
_TYPES = {
    "bond": "ieee8023adLag",
    "team": "ieee8023adLag",
    "bridge": "bridge",
    "vlan": "l2vlan",
    "tun": "tunnel",
    "gre": "tunnel",
    "ipip": "tunnel",
    "sit": "tunnel",
    "vxlan": "tunnel",
    "wireguard": "tunnel",
}
_STATES = {
    "UP": "up",
    "DOWN": "down",
    "DORMANT": "dormant",
    "TESTING": "testing",
    "NOTPRESENT": "not_present",
    "LOWERLAYERDOWN": "lower_layer_down",
}
_HEAD = re.compile(r"^(\d+):\s+([^:@\s]+)(?:@([^:\s]+))?:\s+<([^>]*)>(.*)$")
_ADDRESS = re.compile(r"\b(inet6?)\s+(?:addr:\s?)?([0-9a-fA-F.:]+)(?:/(\d+))?")
_MASK = re.compile(r"\b(?:Mask:|netmask\s)(\S+)|\bprefixlen (\d+)")
_ONE_LINE = re.compile(r"^(\d+):\s+(\S+?)(?:@\S+)?\s+(inet6?\s.*)$")
_IFCONFIG_HEAD = re.compile(r"^(\S+?):?\s+(?:Link encap|flags=)")
_LOOPBACK, _ETHERNET, _INFINIBAND = "772", "1", "32"  # ARPHRD_*
_FASTEST_MBPS = 10_000_000


@dataclass(frozen=True)
class Port:
    """One interface. `is_hardware` is None where it is not known."""

    index: int
    name: str
    kind: str = ""
    link: str = ""  # loopback, ether, …
    mac: str = ""
    mtu: int = 0
    speed_bps: int = 0
    admin_up: bool = True
    oper_status: str = "unknown"
    master: str = ""
    alias: str = ""
    is_hardware: bool | None = None
    is_wireless: bool = False

    @property
    def type(self) -> str:
        """Name of the IANA type where it is sure; a virtual pair of Ethernet ports may stand for anything."""
        if self.link == "loopback":
            return "softwareLoopback"
        if self.kind:
            return _TYPES.get(self.kind, "")
        if self.is_wireless:
            return "ieee80211"
        if self.link == "infiniband":
            return "infiniband"
        return "ethernetCsmacd" if self.link == "ether" and self.is_hardware else ""

    @property
    def attributes(self) -> dict[str, Attribute]:
        """As an interface of the model."""
        optional: dict[str, Attribute] = {
            "if_index": self.index,
            "alias": self.alias,
            "type": self.type,
            "mac_address": self.mac,
            "mtu": self.mtu,
            "speed_bps": self.speed_bps,
        }
        stated: dict[str, Attribute] = {
            "name": self.name,
            "admin_status": "up" if self.admin_up else "down",
            "oper_status": self.oper_status,
        }
        return stated | {k: v for k, v in optional.items() if v}


def ports(answers: HostAnswers) -> list[Port]:
    """Interfaces in order of their numbers, without those of guests and templates.

    /sys may belong to another network namespace than the account's: it counts only where number and MAC agree.
    """
    beside = {port.name: port for port in _sysfs(answers.lines(SYSFS_LINKS))}
    found = [_complete(port, beside.get(port.name)) for port in _links(answers.lines(LINKS))] or list(beside.values())
    used = {name for name, _ in configured(answers)}
    return sorted((p for p in found if not _is_noise(p, p.name in used)), key=lambda p: (p.index, p.name))


def is_guest(name: str) -> bool:
    """Whether an interface leads to containers or virtual machines only."""
    return _GUESTS.fullmatch(name) is not None


def _is_noise(port: Port, has_address: bool) -> bool:
    return is_guest(port.name) or (
        _TEMPLATES.fullmatch(port.name) is not None and not port.admin_up and not has_address
    )


def _links(lines: Iterable[str]) -> list[Port]:
    """Records of `ip link`, in one line each or in several."""
    records: list[list[str]] = []
    for line in lines:
        pieces = line.split("\\")
        if _HEAD.match(line):
            records.append(pieces)
        elif records:
            records[-1] += pieces
    return [_link(pieces) for pieces in records]


def _link(pieces: list[str]) -> Port:
    head = _HEAD.match(pieces[0])
    assert head is not None  # noqa: S101 - records begin with such a line
    flags, words = head[4].split(","), head[5].split()
    details = [piece.strip() for piece in pieces[1:]]
    hardware = next((d.split() for d in details if d.startswith("link/")), [""])
    alias = next((d.removeprefix("alias ") for d in details if d.startswith("alias ")), "")
    kinds = (d.split()[0] for d in details if d and not d.startswith(("alias ", "link/")))
    state = _after(words, "state")
    return Port(
        index=int(head[1]),
        name=head[2],
        kind=next((k for k in kinds if k in KINDS), ""),
        link=hardware[0].removeprefix("link/"),
        mac=_mac(hardware[1] if len(hardware) > 1 else ""),
        mtu=_number(_after(words, "mtu")),
        admin_up="UP" in flags,
        oper_status=_STATES.get(state) or ("up" if "LOWER_UP" in flags else "unknown" if state else "down"),
        master=_after(words, "master"),
        alias=alias,
    )


def _after(words: list[str], word: str) -> str:
    """The word behind another; "" if there is none."""
    return next((after for before, after in pairwise(words) if before == word), "")


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _mac(text: str) -> str:
    found = text.lower()
    return found if MAC.fullmatch(found) and found not in NO_MACS else ""


def _sysfs(lines: Iterable[str]) -> list[Port]:
    """Rows of name, ifindex, address, mtu, speed, type, operstate, flags, and four that are there or not."""
    out = []
    for row in (line.split("\t") for line in lines):
        if len(row) < 12 or not row[1].isdigit():
            continue
        name, index, address, mtu, speed, kind, state, flags, device, wireless, bonding, bridge = row[:12]
        link = {_LOOPBACK: "loopback", _ETHERNET: "ether", _INFINIBAND: "infiniband"}.get(kind, "")
        admin_up = bool(int(flags, 16) & 1) if re.fullmatch(r"0x[0-9a-fA-F]+", flags) else True
        known = _STATES.get(state.upper()) or ("up" if admin_up and link == "loopback" else "unknown")
        fast = _number(speed)
        out.append(
            Port(
                index=int(index),
                name=name,
                kind="bond" if bonding != "-" else "bridge" if bridge != "-" else "",
                link=link,
                mac=_mac(address),
                mtu=_number(mtu),
                speed_bps=fast * 1_000_000 if 0 < fast <= _FASTEST_MBPS and (device != "-" or bonding != "-") else 0,
                admin_up=admin_up,
                oper_status=known,
                is_hardware=device != "-",
                is_wireless=wireless != "-",
            )
        )
    return out


def _complete(port: Port, beside: Port | None) -> Port:
    if beside is None or (beside.index, beside.mac) != (port.index, port.mac):
        return port
    return replace(
        port,
        kind=port.kind or beside.kind,
        speed_bps=beside.speed_bps,
        is_hardware=beside.is_hardware,
        is_wireless=beside.is_wireless,
    )


def configured(answers: HostAnswers) -> list[tuple[str, Configured]]:
    """Addresses with the names of their interfaces, from `ip addr` or `ifconfig`."""
    found: list[tuple[str, Configured]] = []
    name, index = "", 0
    for line in answers.lines(ADDRESSES):
        one, head, old = _ONE_LINE.match(line), _HEAD.match(line), _IFCONFIG_HEAD.match(line)
        if one:
            name, index = one[2], int(one[1])
        elif head:
            name, index = head[2], int(head[1])
        elif old:
            name, index = old[1].partition(":")[0], 0
        address = _address(one[3] if one else line) if name else None
        if address is not None:
            found.append((name, Configured(address[0], index, address[1])))
    return found


def _address(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int | None] | None:
    match = _ADDRESS.search(text)
    if match is None or " temporary" in text:  # addresses that hide who asks are new every day
        return None
    try:
        address = ipaddress.ip_address(match[2])
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        return None
    mask = _MASK.search(text)
    if match[3]:
        length: int | None = int(match[3])
    elif mask and mask[2]:
        length = int(mask[2])
    else:
        length = _mask_length(mask[1]) if mask else None
    return address, length if length is not None and 0 < length <= address.max_prefixlen else None


def _mask_length(mask: str) -> int | None:
    try:
        return ipaddress.ip_network(f"0.0.0.0/{mask}").prefixlen
    except ValueError:
        return None


def observe(found: list[Port], answers: HostAnswers, device: str, method: str) -> list[Observation]:
    """Interfaces inside the device with this key, their addresses, and the subnets of those."""
    bundles = {port.name for port in found if port.kind in BUNDLES}
    out = []
    for port in found:
        into = path(device, "Interface", port.master)
        links = (Link("MEMBER_OF", into, method=method),) if port.master in bundles else ()
        out.append(Observation("Interface", port.name, port.attributes, parent=device, links=links))
    numbers = {port.name: port.index for port in found}
    placed = [replace(one, if_index=numbers[name]) for name, one in configured(answers) if name in numbers]
    interfaces = {port.index: Interface(port.index, port.name) for port in found}
    unique = {(one.address, one.if_index): one for one in placed}
    ordered = sorted(unique.values(), key=lambda c: (c.address.version, int(c.address), c.if_index))
    return [*out, *shared.observe(ordered, interfaces, device, method)]
