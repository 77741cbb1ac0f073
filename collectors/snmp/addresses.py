"""IP addresses of the device itself, from the three generations of tables."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from cmdb.observation import Identifier, Link, Observation, path
from cmdb.observation import Value as Attribute
from collectors.facts import DEFAULT_VRF
from collectors.snmp.interfaces import Interface
from collectors.snmp.maker_tables import TPLINK_ADDRESSES
from collectors.snmp.reads import ADDRESSES, ADDRESSES_CISCO, ADDRESSES_V4, ADDRESSES_V6
from collectors.snmp.rows import Row, rows
from collectors.snmp.text import IPAddress, address, integer, oid
from collectors.snmp.vrfs import Vrfs
from collectors.transport.answers import Answers, Oid

IPV4, IPV6, IPV4Z, IPV6Z = 1, 2, 3, 4  # InetAddressType (RFC 4001)
LENGTH = {IPV4: 4, IPV6: 16, IPV4Z: 8, IPV6Z: 20}
BROADCAST = 3  # ipAddressType


@dataclass(frozen=True)
class Configured:
    """An address on an interface; `prefix_length` is None where no table tells it."""

    address: IPAddress
    if_index: int
    prefix_length: int | None = None
    vrf: str = DEFAULT_VRF


def configured(answers: Answers, vrfs: Vrfs | None = None) -> list[Configured]:
    """Addresses of all tables, each once per interface, in order; the first table that knows the prefix wins.

    The routing instance is that of the interface, else that of the context in which the address stands.
    """
    vrfs = vrfs or Vrfs()
    told = [*_ipv4(answers), *_ip(answers), *_cisco(answers), *_ipv6(answers), *_tplink(answers)]
    for context, vrf in sorted(vrfs.of_context.items()):
        inner = answers.contexts.get(context, Answers())
        told += [replace(one, vrf=vrf) for one in (*_ipv4(inner), *_ip(inner))]
    found: dict[tuple[IPAddress, int], Configured] = {}
    for one in told:
        if not _says_something(one.address):
            continue
        before = found.get((one.address, one.if_index))
        if before is None or before.prefix_length is None:
            found[one.address, one.if_index] = replace(one, vrf=vrfs.of_port.get(one.if_index, one.vrf))
    return sorted(found.values(), key=lambda c: (c.address.version, int(c.address), c.if_index))


def _says_something(found: IPAddress) -> bool:
    """Every box has 127.0.0.1; broadcast and multicast addresses are nobody's."""
    return not (found.is_loopback or found.is_unspecified or found.is_multicast or int(found) == 0xFFFFFFFF)


def _ipv4(answers: Answers) -> list[Configured]:
    """ipAddrTable (RFC 1213): the index is the address."""
    found = []
    for index, row in rows(answers, ADDRESSES_V4).items():
        if len(index) >= 4 and all(0 <= arc <= 255 for arc in index[:4]):  # Cisco ASA appends a number to repeated ones
            found.append(Configured(ipaddress.IPv4Address(bytes(index[:4])), _if_index(row), _mask_length(row)))
    return found


def _if_index(row: Row) -> int:
    return integer(row.get("if_index")) or 0


def _mask_length(row: Row) -> int | None:
    """Prefix length of a netmask; None for 0.0.0.0, which agents send for "unknown", and for gaps in the mask."""
    mask = address(row.get("mask"))
    if not isinstance(mask, ipaddress.IPv4Address) or int(mask) == 0:
        return None
    inverted = int(mask) ^ 0xFFFFFFFF
    return 32 - inverted.bit_length() if inverted & (inverted + 1) == 0 else None


def _ip(answers: Answers) -> list[Configured]:
    """ipAddressTable (RFC 4293)."""
    return _typed(rows(answers, ADDRESSES))


def _cisco(answers: Answers) -> list[Configured]:
    """cIpAddressTable (CISCO-IETF-IP-MIB), the draft of ipAddressTable on older IOS."""
    return _typed(rows(answers, ADDRESSES_CISCO))


def _typed(found: dict[Oid, Row]) -> list[Configured]:
    """Rows indexed by type, length and octets of the address; their prefix is a pointer that ends in its length."""
    out = []
    for index, row in found.items():
        parsed = inet_index(index)
        if parsed is None or integer(row.get("type")) == BROADCAST:
            continue
        if_index = _if_index(row) or _pointer_if_index(row)
        out.append(Configured(parsed, if_index, _pointer_prefix(row, parsed)))
    return out


def inet_index(index: Oid) -> IPAddress | None:
    """InetAddressType and InetAddress at the head of an index; some agents leave the length out."""
    if not index or index[0] not in LENGTH:
        return None
    size = LENGTH[index[0]]
    octets = index[2:] if len(index) > 1 and index[1] == size and len(index) >= size + 2 else index[1:]
    octets = octets[: 4 if index[0] in (IPV4, IPV4Z) else 16]
    if len(octets) not in (4, 16) or not all(0 <= arc <= 255 for arc in octets):
        return None
    return ipaddress.ip_address(bytes(octets))


def _pointer(row: Row) -> Oid:
    """The row pointer to the prefix: …5.<ifIndex>.<type>.<length>.<octets>.<prefix length>; 0.0 for none."""
    pointer = oid(row.get("prefix"))
    return tuple(int(arc) for arc in pointer.split(".")) if pointer else ()


def _pointer_prefix(row: Row, found: IPAddress) -> int | None:
    pointer = _pointer(row)
    length = pointer[-1] if len(pointer) > 10 else 0
    return length if 0 < length <= found.max_prefixlen else None


def _pointer_if_index(row: Row) -> int:
    """The interface as the prefix pointer names it, for agents that hide the column ipAddressIfIndex."""
    pointer = _pointer(row)
    for size in (4, 16, 8, 20):
        at = len(pointer) - size - 4
        if at > 8 and pointer[at + 2] == size and pointer[at + 1] in LENGTH and LENGTH[pointer[at + 1]] == size:
            return pointer[at]
    return 0


def _ipv6(answers: Answers) -> list[Configured]:
    """ipv6AddrTable (RFC 2465): the index is interface, then the octets, with or without their number."""
    out = []
    for index, row in rows(answers, ADDRESSES_V6).items():
        octets = index[2:] if len(index) == 18 and index[1] == 16 else index[1:]
        if len(octets) != 16 or not all(0 <= arc <= 255 for arc in octets):
            continue
        length = integer(row.get("prefix_length")) or 0
        out.append(Configured(ipaddress.IPv6Address(bytes(octets)), index[0], length if 0 < length <= 128 else None))
    return out


def _tplink(answers: Answers) -> list[Configured]:
    """ipv6ParaConfigAddrTable of TP-Link: the index begins with the interface."""
    out = []
    for index, row in rows(answers, TPLINK_ADDRESSES).items():
        found, length = address(row.get("address")), integer(row.get("prefix_length")) or 0
        if found is not None and found.version == 6:
            out.append(Configured(found, index[0], length if 0 < length <= found.max_prefixlen else None))
    return out


def observe(
    found: list[Configured], interfaces: dict[int, Interface], parent: str, method: str = "snmp"
) -> list[Observation]:
    """Addresses inside their interfaces, and the subnets that they are in.

    An address without any interface (ifIndex 0) is left out: the contract has no place for it.
    """
    out: list[Observation] = []
    subnets: dict[str, Observation] = {}
    for one in found:
        interface = interfaces.get(one.if_index)
        if interface is None:
            continue
        subnet = _subnet(one)
        links: tuple[Link, ...] = ()
        if subnet is not None:
            subnets.setdefault(subnet.key, subnet)
            links = (Link("IN_SUBNET", subnet.key, method=method),)
        out.append(
            Observation(
                "IPAddress",
                str(one.address),
                _attributes(one),
                parent=path(parent, "Interface", interface.key),
                links=links,
            )
        )
    return [*out, *subnets.values()]


def _attributes(one: Configured) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {"name": str(one.address), "address": str(one.address)}
    if one.prefix_length is not None:
        attributes["prefix_length"] = one.prefix_length
    return attributes | _routed(one)


def _routed(one: Configured) -> dict[str, Attribute]:
    return {"vrf": one.vrf} if one.vrf != DEFAULT_VRF else {}


def _subnet(one: Configured) -> Observation | None:
    """The subnet of an address; none for host routes and for link-local addresses, whose subnet is on every wire."""
    if one.prefix_length is None or one.prefix_length == one.address.max_prefixlen or one.address.is_link_local:
        return None
    prefix = str(ipaddress.ip_network((one.address, one.prefix_length), strict=False))
    key = f"subnet:{one.vrf}:{prefix}"
    attributes: dict[str, Attribute] = {"name": prefix, "prefix": prefix}
    return Observation("Subnet", key, attributes | _routed(one), identifiers=(Identifier(key),))
