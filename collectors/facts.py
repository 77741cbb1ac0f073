"""What devices say about what lies around them: the raw material of relationships between devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Subtype = Literal["mac", "address", "name", "alias", "component", "local", "unknown"]
DEFAULT_VRF = "default"  # the routing instance of all that is in no other


@dataclass(frozen=True)
class Named:
    """A far chassis or port as a protocol names it.

    Subtypes follow LldpChassisIdSubtype and LldpPortIdSubtype (IEEE 802.1AB): mac `00:1d:e5:84:98:c0`, address
    `192.0.2.1`, name an interface name, alias an ifAlias, component an entPhysicalAlias, local anything; unknown where
    the protocol does not say (a port name of CDP is a name).
    """

    subtype: Subtype
    value: str


@dataclass(frozen=True)
class Neighbour:
    """A neighbour that a device sees on a port.

    `port` is the local key of the device's interface, "" where the agent does not tell which; `far_port` is None
    where the protocol names none. `name` is the far sysName or device id, `capabilities` are role names of the model.
    """

    protocol: str  # lldp, cdp, fdp, edp, ndp, …, as in `attributes.protocols`
    port: str
    chassis: Named
    far_port: Named | None = None
    far_port_description: str = ""
    name: str = ""
    description: str = ""
    addresses: tuple[str, ...] = ()  # management addresses
    capabilities: tuple[str, ...] = ()
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    os_version: str = ""


@dataclass(frozen=True)
class Forwarded:
    """A row of a forwarding table: a MAC address learned on a port. `vlan` is None where the table has no VLANs."""

    mac: str
    port: str
    vlan: int | None = None


@dataclass(frozen=True)
class Resolved:
    """A row of an ARP or neighbour-discovery cache. `port` is the local key of the interface, "" if not known."""

    address: str
    mac: str
    port: str = ""
    vrf: str = DEFAULT_VRF


@dataclass(frozen=True)
class VlanPort:
    """The membership of a port in a VLAN."""

    vlan_id: int
    port: str
    tagged: bool


@dataclass(frozen=True)
class Session:
    """An established TCP session. `process` is the local key of the local SoftwareInstance, "" where not known.

    `inbound` says that this host's end is the listening one.
    """

    local_address: str
    local_port: int
    remote_address: str
    remote_port: int
    process: str = ""
    inbound: bool = False


@dataclass(frozen=True)
class PoolMember:
    """A server of a pool as the load balancer names it; `port` is 0 for any. A disabled one gets no clients."""

    address: str
    port: int
    is_enabled: bool


@dataclass(frozen=True)
class Pool:
    """A pool of a load balancer. `key` is that of its observation; `needed` is None where no least number is stated."""

    key: str
    name: str
    needed: int | None
    members: tuple[PoolMember, ...]


@dataclass(frozen=True)
class Facts:
    """Everything one target told about its surroundings in one visit.

    `source` and `target` are those of its report, `device` the key of the device's observation in it. `read` names
    the tables that were read to their end; a table that is missing there is not known. `chassis` is what the device
    calls itself in LLDP. `base_macs` are MAC addresses of the device that no interface has.
    """

    source: str
    target: str
    at: int
    device: str
    neighbours: tuple[Neighbour, ...] = ()
    forwarded: tuple[Forwarded, ...] = ()
    resolved: tuple[Resolved, ...] = ()
    vlans: dict[int, str] = field(default_factory=dict)  # id: name, "" for none
    vlan_ports: tuple[VlanPort, ...] = ()
    sessions: tuple[Session, ...] = ()
    pools: tuple[Pool, ...] = ()
    chassis: Named | None = None
    base_macs: tuple[str, ...] = ()
    base_ports: dict[int, str] = field(default_factory=dict)  # number of a bridge port: local key of its interface
    blocked: tuple[str, ...] = ()  # local keys of ports that spanning tree keeps from forwarding
    read: frozenset[str] = frozenset()
