"""Routers that stand in for each other under a common address: HSRP and VRRP groups. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cmdb.observation import Identifier, Link, Observation
from cmdb.observation import Value as Attribute
from collectors.facts import DEFAULT_VRF
from collectors.snmp.addresses import Configured, inet_index
from collectors.snmp.reads import HSRP, VRRP, VRRP3, VRRP3_ADDRESSES, VRRP_ADDRESSES
from collectors.snmp.rows import rows
from collectors.snmp.text import IPAddress, address, integer, mac
from collectors.transport.answers import Answers, Oid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# States in which a router can't take over: its interface is down, it is shut, or it has not learned the address yet.
HSRP_IDLE = frozenset({1, 2})  # HsrpState: initial, learn
VRRP_IDLE = frozenset({1})  # vrrpOperState, vrrpv3OperationsStatus: initialize
DOWN = 2  # vrrpOperAdminState
ACTIVE = 1  # RowStatus
MEMBERS = "members"  # name of the requirement of a group
IPV4 = 1  # InetAddressType


@dataclass(frozen=True)
class Group:
    """A virtual router as one of its routers tells of it; `addresses` are the virtual ones, the lowest first."""

    protocol: str
    number: int
    if_index: int
    addresses: tuple[IPAddress, ...]
    mac: str | None
    stands_by: bool


def groups(answers: Answers) -> list[Group]:
    """Groups that have a virtual address.

    Without one nobody uses it as a gateway, and nothing tells it from the groups of that number in other networks.
    """
    found = [*_hsrp(answers), *_vrrp2(answers), *_vrrp3(answers)]
    return [group for group in found if group.addresses]


def _hsrp(answers: Answers) -> Iterable[Group]:
    """cHsrpGrpTable (CISCO-HSRP-MIB) by ifIndex and group. Its authentication strings are never read."""
    for index, row in rows(answers, HSRP).items():
        if len(index) == 2:
            virtual, state = address(row.get("address")), integer(row.get("state"))
            yield Group("hsrp", index[1], index[0], _usable([virtual]), mac(row.get("mac")), state not in HSRP_IDLE)


def _vrrp2(answers: Answers) -> Iterable[Group]:
    """vrrpOperTable and vrrpAssoIpAddrTable (RFC 2787) by ifIndex and VRID."""
    virtual: dict[Oid, list[IPAddress | None]] = {}
    for index, row in rows(answers, VRRP_ADDRESSES).items():
        if integer(row.get("status")) == ACTIVE:
            virtual.setdefault(index[:2], []).append(inet_index((IPV4, *index[2:])))
    for index, row in rows(answers, VRRP).items():
        if len(index) == 2:
            stands_by = integer(row.get("state")) not in VRRP_IDLE and integer(row.get("admin")) != DOWN
            yield Group("vrrp", index[1], index[0], _usable(virtual.get(index, [])), mac(row.get("mac")), stands_by)


def _vrrp3(answers: Answers) -> Iterable[Group]:
    """vrrpv3OperationsTable and vrrpv3AssociatedIpAddrTable (RFC 6527) by ifIndex, VRID and type of address."""
    virtual: dict[Oid, list[IPAddress | None]] = {}
    for index, row in rows(answers, VRRP3_ADDRESSES).items():
        if integer(row.get("status")) == ACTIVE:
            virtual.setdefault(index[:3], []).append(inet_index(index[2:]))
    for index, row in rows(answers, VRRP3).items():
        if len(index) == 3:
            stands_by = integer(row.get("state")) not in VRRP_IDLE
            yield Group("vrrp", index[1], index[0], _usable(virtual.get(index, [])), mac(row.get("mac")), stands_by)


def _usable(found: Iterable[IPAddress | None]) -> tuple[IPAddress, ...]:
    """Addresses that something can send to, each once; link-local ones after the others, for every wire has them."""
    kept = {a for a in found if a and not (a.is_unspecified or a.is_multicast or a.is_loopback or int(a) == 0xFFFFFFFF)}
    return tuple(sorted(kept, key=lambda a: (a.is_link_local, a.version, int(a))))


def observe(
    found: Sequence[Group], configured: Sequence[Configured], device: str
) -> tuple[tuple[Link, ...], list[Observation]]:
    """Ties of the device to its groups, then the groups as clusters, with what each needs, and their virtual addresses.

    All routers of a group call it alike, by protocol, number and virtual address. One that can't take over at present
    is a member of weight 0. A group whose address is only a link-local one is named with the network of its interface;
    it is left out where the agent does not tell that.
    """
    named: dict[str, Group] = {}
    for group in found:
        if (key := _key(group, configured)) is not None:
            before = named.get(key, group)  # agents of both versions of VRRP tell of a group twice
            named[key] = replace(before, mac=before.mac or group.mac, stands_by=before.stands_by or group.stands_by)
    ordered = sorted(named.items())
    links = tuple(Link("MEMBER_OF", key, _weight(group), group.protocol) for key, group in ordered)
    clusters = [o for key, group in ordered for o in (_cluster(key, group), _requirement(key, group, device))]
    return links, [*clusters, *_virtual_addresses(named, configured)]


def _weight(group: Group) -> dict[str, Attribute]:
    return {} if group.stands_by else {"weight": 0}


def _requirement(cluster: str, group: Group, device: str) -> Observation:
    """One of the routers must work; each of them says so for itself, and all that is said adds up."""
    attributes = {"name": MEMBERS, "needed": 1, "on_loss": "at_risk", "pass": "needed"}
    link = Link("PROVIDED_BY", device, _weight(group), group.protocol)
    return Observation("Requirement", MEMBERS, attributes, parent=cluster, links=(link,), role="reported")


def _key(group: Group, configured: Sequence[Configured]) -> str | None:
    lowest = group.addresses[0]
    vrf = _vrf(group, configured)
    called = f"cluster:{group.protocol}:{group.number}@{lowest}" + (f"%{vrf}" if vrf != DEFAULT_VRF else "")
    if not lowest.is_link_local:
        return called
    network = next((n for n in _networks(group, configured) if not n.network_address.is_link_local), None)
    return f"{called}%{network}" if network else None


def _networks(group: Group, configured: Sequence[Configured]) -> list[Network]:
    """Networks of the interface of a group, those of the addresses' own version, the smallest first."""
    version = group.addresses[0].version
    found = {
        ipaddress.ip_network((c.address, c.prefix_length), strict=False)
        for c in configured
        if c.if_index == group.if_index and c.address.version == version and c.prefix_length is not None
    }
    return sorted(found, key=lambda n: (-n.prefixlen, int(n.network_address)))


def _vrf(group: Group, configured: Sequence[Configured]) -> str:
    """The routing instance of the interface of a group."""
    return next((c.vrf for c in configured if c.if_index == group.if_index), DEFAULT_VRF)


def _cluster(key: str, group: Group) -> Observation:
    attributes: dict[str, Attribute] = {
        "name": f"{group.protocol.upper()} {group.number} {group.addresses[0]}",
        "kind": "standby",
        "protocol": group.protocol,
        "addresses": [str(a) for a in group.addresses],
    }
    if group.mac:
        attributes["mac_address"] = group.mac
    return Observation("Cluster", key, attributes, identifiers=(Identifier(key),), role="reported")


def _virtual_addresses(named: dict[str, Group], configured: Sequence[Configured]) -> list[Observation]:
    """Virtual addresses, which work while their group does; link-local ones would be one and the same everywhere."""
    out: dict[str, Observation] = {}
    for cluster, group in sorted(named.items()):
        for one in group.addresses:
            if not one.is_link_local:
                found = _virtual_address(one, cluster, group, configured)
                out.setdefault(found.key, found)
    return list(out.values())


def _virtual_address(one: IPAddress, cluster: str, group: Group, configured: Sequence[Configured]) -> Observation:
    vrf, networks = _vrf(group, configured), _networks(group, configured)
    key = f"address:{vrf if vrf != DEFAULT_VRF else ''}:{one}"
    attributes: dict[str, Attribute] = {"name": str(one), "address": str(one)}
    if vrf != DEFAULT_VRF:
        attributes["vrf"] = vrf
    if group.mac:
        attributes["mac_address"] = group.mac
    links = [Link("DEPENDS_ON", cluster, {}, group.protocol)]
    network = next((n for n in networks if one in n and n.prefixlen < n.max_prefixlen), None)
    if network is not None:
        links.append(Link("IN_SUBNET", f"subnet:{vrf}:{network}", {}, group.protocol))
    return Observation("IPAddress", key, attributes, (Identifier(key),), links=tuple(links), role="reported")
