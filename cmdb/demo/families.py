"""How the products of the demo site answer: the file families.yaml as data."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from collectors.push.document import Strict, read_document

Text = Annotated[str, Field(max_length=1000)]
Oid = Annotated[str, Field(pattern=r"^1(\.\d+){3,60}$")]
Speed = Literal["100M", "1G", "10G", "25G", "40G", "100G"]
IfType = Literal["ethernetCsmacd", "softwareLoopback", "propVirtual", "l2vlan", "l3ipvlan", "ieee8023adLag", "bridge"]


class Engine(Strict):
    """What the engine id is made of (RFC 3411 §5)."""

    enterprise: Annotated[int, Field(ge=1, lt=1 << 31)]
    form: Literal["mac", "octets"]


class Chassis(Strict):
    """The chassis row of the ENTITY-MIB."""

    name: Text
    descr: Text
    maker: Text
    hardware: Text = ""
    software: Text = "{os_version}"


class Part(Strict):
    """A row of the ENTITY-MIB below the chassis; `serial` is how its serial number begins, empty: it has none."""

    kind: Literal["module", "powerSupply", "fan"]
    name: Text
    descr: Text
    model: Text = ""
    serial: Text = ""


class Shell(Strict):
    """What a host says of its hardware once somebody has logged in (SMBIOS)."""

    maker: Text
    product: Text
    chassis_type: Annotated[int, Field(ge=1, le=36)]
    cpus: Annotated[int, Field(ge=1)]
    memory_kb: Annotated[int, Field(ge=1)]


class Family(Strict):
    """One product. `lldp` says how it names its ports to its neighbours; without it, it says nothing to them."""

    ci_class: Literal["NetworkDevice", "Computer", "VirtualMachine", "PowerDevice", "Printer"] = Field(alias="class")
    vendor: Text
    model: Text
    os_version: Text
    sys_object_id: Oid
    sys_descr: Text
    services: Annotated[int, Field(ge=0, le=127)]
    engine: Engine
    ports: dict[str, Speed]
    virtual: dict[str, IfType] = {}
    aggregates: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    addresses: dict[str, list[str]] = {}
    descr: Text
    extended: bool = True  # serves ifXTable and ipAddressTable
    bridge: bool = False
    routes: bool = False
    lldp: Literal["name", "mac"] | None = None
    shell: Shell | None = None  # it answers over SSH
    chassis: Chassis | None = None
    modules: list[Part] = []
    scalars: list[list[Oid | int | str]] = []


class _Families(Strict):
    families: dict[str, Family]


@cache
def families() -> dict[str, Family]:
    """All products by name."""
    return read_document(Path(__file__).with_name("families.yaml"), _Families).families
