"""The host itself: what runs on what, and how it is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cmdb.model import is_placeholder, vendor_slug
from cmdb.model.shared import is_burned_in
from cmdb.observation import Identifier
from cmdb.observation import Value as Attribute
from collectors.hosts.ports import Port, is_guest
from collectors.hosts.read import (
    CPUS,
    DEVICE_TREE,
    DMI,
    DMI_GUARDED,
    DMIDECODE,
    KERNEL,
    MACHINE_ID,
    MEMORY,
    OS,
    RELEASE,
)
from collectors.snmp.serials import is_distinct, serial
from collectors.snmp.text import address, known
from collectors.transport.host_answers import HostAnswers

MAX_MAC_KEYS = 8
LONGEST = 255
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MACHINE_ID = re.compile(r"[0-9a-f]{32}")
# SMBIOS names of what is no hardware: maker, and a pattern of the product (sys_vendor, product_name).
_VIRTUAL = (
    (r"QEMU|Red Hat|oVirt|RDO|KVM|Bochs|SeaBIOS", r".*"),
    (r"OpenStack.*|Nutanix|Alibaba Cloud|DigitalOcean|Hetzner|Linode|Akamai|Vultr|UpCloud|Scaleway|Exoscale", r".*"),
    (r"VMware.*", r"VMware.*"),
    (r"Microsoft.*", r"Virtual Machine.*"),
    (r"innotek.*|Oracle.*", r"VirtualBox.*"),
    (r"Xen.*", r".*"),
    (r"Amazon EC2", r"(?!.*\.metal).*"),
    (r"Google.*", r"Google Compute Engine.*"),
    (r"Parallels.*", r"Parallels.*"),
    (r"Apple.*", r"Apple Virtualization.*"),
    (r".*", r"(KVM|Standard PC.*|HVM domU|BHYVE|OpenStack.*|Bochs|RHEV.*)"),
)
# SMBIOS chassis types (DSP0134 §7.4.1): desktops and portables are what people sit at.
_DESKS = frozenset({"3", "4", "5", "6", "7", "8", "9", "10", "11", "13", "14", "15", "30", "31", "32", "35", "36"})


@dataclass(frozen=True)
class Machine:
    """The host as it will be observed."""

    ci_class: str
    attributes: dict[str, Attribute]
    identifiers: tuple[Identifier, ...]
    distribution: str  # ID of os-release

    @property
    def key(self) -> str:
        """The first strong identifier, else the target."""
        strong = (i.key for i in self.identifiers if i.strong)
        return next(strong, next(i.key for i in self.identifiers if i.key.startswith("target:")))


def machine(target: str, reached_at: str, answers: HostAnswers, found: list[Port]) -> Machine:
    """Describe the host that answered as `target` at the address `reached_at`."""
    release = os_release(answers.lines(OS))
    hardware = _hardware(answers)
    uuid = _uuid(hardware.get("product_uuid", ""))
    is_virtual = is_virtual_machine(hardware.get("sys_vendor", ""), hardware.get("product_name", ""))
    macs = sorted({p.mac for p in found if p.mac and _is_physical(p) and is_burned_in(p.mac)})
    name = _host_name(answers)
    usable_name = name if name and not is_placeholder(name) else ""
    own_serial = serial(hardware.get("product_serial", "")) or serial(hardware.get("chassis_serial", "")) or ""
    described = {
        "vendor": _said(hardware.get("sys_vendor", "")),
        "model": _said(hardware.get("product_name", "")),
        "serial_number": own_serial,
        "os_name": release.get("NAME", "") or _kernel(answers, 0),
        "os_version": _os_version(release, answers),
    }
    optional: dict[str, Attribute] = {
        **{k: " ".join(v.split())[:LONGEST] for k, v in described.items()},
        "sys_name": name,
        "management_address": _management_address(reached_at),
        "mac_addresses": macs,
        "roles": _roles(is_virtual, hardware.get("chassis_type", "")),
        **(_virtual(uuid, answers) if is_virtual else {}),
    }
    attributes: dict[str, Attribute] = {"name": usable_name or target} | {k: v for k, v in optional.items() if v}
    identifiers = _identifiers(target, described, uuid, _installations(answers, found), macs, usable_name)
    return Machine("VirtualMachine" if is_virtual else "Computer", attributes, identifiers, release.get("ID", ""))


def os_release(lines: Iterable[str]) -> dict[str, str]:
    """Assignments of os-release(5), quotes taken off."""
    found = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            bare = re.sub(r"^([\"'])(.*)\1$", r"\2", value.strip())
            found[name] = re.sub(r"\\(.)", r"\1", bare)
    return found


def is_virtual_machine(maker: str, product: str) -> bool:
    """Whether SMBIOS names a hypervisor or a cloud.

    Nothing else decides: the flag of the processor shows in every container and namespace above a hypervisor too.
    """
    return any(re.fullmatch(m, maker, re.I) and re.fullmatch(p, product, re.I) for m, p in _VIRTUAL if maker or product)


def _hardware(answers: HostAnswers) -> dict[str, str]:
    """Names and values of SMBIOS, or of the device tree where the board has that."""
    rows = (line.partition("\t") for section in (DMI, DMI_GUARDED) for line in answers.lines(section) if "\t" in line)
    found = {name: value.strip() for name, _, value in rows if known(value)}
    printed = _dmidecode(answers.lines(DMIDECODE))
    tree = dict(line.split("\t", 1) for line in answers.lines(DEVICE_TREE) if "\t" in line)
    board = {"product_name": tree.get("model", "").strip(), "product_serial": tree.get("serial-number", "").strip()}
    return {k: v for k, v in board.items() if known(v)} | printed | found


def _dmidecode(lines: list[str]) -> dict[str, str]:
    names = {
        "Manufacturer": "sys_vendor",
        "Product Name": "product_name",
        "Serial Number": "product_serial",
        "UUID": "product_uuid",
    }
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.strip().partition(":")
        if colon and name in names and known(value):
            found.setdefault(names[name], value.strip())
    return found


def _said(text: str) -> str:
    return text if known(text) and not is_placeholder(text) else ""


def _uuid(text: str) -> str:
    found = text.strip().lower()
    return found if _UUID.fullmatch(found) and not is_placeholder(found) else ""


def _machine_id(answers: HostAnswers) -> str:
    found = next(iter(answers.lines(MACHINE_ID)), "").strip().lower()
    return found if _MACHINE_ID.fullmatch(found) and len(set(found)) > 1 else ""


def _installations(answers: HostAnswers, found: list[Port]) -> list[Identifier]:
    """The machine id, and the machine id together with the address of each port.

    Image clones share the id alone, and a port may move to another host; both together name one installation, at
    whichever of its addresses it was reached.
    """
    machine_id = _machine_id(answers)
    if not machine_id:
        return []
    macs = sorted({p.mac for p in found if p.mac and p.link != "loopback" and not is_guest(p.name)})
    pairs = [Identifier(f"host:{machine_id}@{mac}") for mac in macs[:MAX_MAC_KEYS]]
    return [*pairs, Identifier(f"machine-id:{machine_id}", strong=False)]


def _kernel(answers: HostAnswers, at: int) -> str:
    """System, release, processor and host name as uname prints them, one on each line."""
    lines = answers.lines(KERNEL)
    return lines[at].strip() if len(lines) > at else ""


def _host_name(answers: HostAnswers) -> str:
    return known(_kernel(answers, 3)) or ""


def _os_version(release: Mapping[str, str], answers: HostAnswers) -> str:
    """VERSION_ID; files of the distribution tell more of the same version (12 → 12.11)."""
    version = release.get("VERSION_ID", "") or release.get("BUILD_ID", "")
    said = (match[0] for line in answers.lines(RELEASE) for match in re.finditer(r"\d+(?:\.\d+)+|\d+", line))
    if not version:
        return next(said, "") or ("" if release else _kernel(answers, 1))
    longer = [s for s in said if s.startswith(f"{version}.")]
    return max(longer, key=len) if longer else version


def _management_address(reached_at: str) -> str | None:
    found = address(reached_at)
    return None if found is None or found.is_loopback or found.is_unspecified else str(found)


def _is_physical(port: Port) -> bool:
    return port.is_hardware is not False and not port.kind and port.link != "loopback"


def _roles(is_virtual: bool, chassis_type: str) -> list[str]:
    """What it serves as, where the form of the case tells; a desk has workstations, whatever they run."""
    return ["workstation"] if not is_virtual and chassis_type in _DESKS else ["server"]


def _virtual(uuid: str, answers: HostAnswers) -> dict[str, Attribute]:
    cpus = next(iter(answers.lines(CPUS)), "").strip()
    memory = re.match(r"MemTotal:\s+(\d+) kB", answers.text(MEMORY))
    return {
        "uuid": uuid,
        "vcpus": int(cpus) if cpus.isdigit() else 0,
        "memory_bytes": int(memory[1]) * 1024 if memory else 0,
    }


def _identifiers(
    target: str, described: Mapping[str, str], uuid: str, installations: list[Identifier], macs: list[str], name: str
) -> tuple[Identifier, ...]:
    """Keys of the host, strong ones first; their forms are those of the SNMP collector, so that both meet."""
    keys: list[Identifier] = []
    number, maker = described["serial_number"], described["vendor"]
    if number:
        slug = vendor_slug(maker) if maker else None
        is_strong = slug is not None and is_distinct(number)
        keys.append(Identifier(f"serial:{slug or 'unknown'}:{number.replace(':', '')}", strong=is_strong))
    if uuid:
        keys.append(Identifier(f"uuid:{uuid}"))
    keys += installations
    keys += [Identifier(f"mac:{mac}", strong=False) for mac in macs[:MAX_MAC_KEYS]]
    if name:
        keys.append(Identifier(f"sysname:{name.lower()}", strong=False))
    keys.append(Identifier(f"target:{target}", strong=False))
    return tuple(sorted(keys, key=lambda i: not i.strong))
