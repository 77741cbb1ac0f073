"""What a host tells of itself by HOST-RESOURCES-MIB (RFC 2790): file systems, disks, installed products. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmdb.model import is_placeholder
from cmdb.observation import Identifier, Link, Observation
from cmdb.observation import Value as Attribute
from collectors.hosts.packages import Package
from collectors.snmp.inventory_tables import HOST_DEVICES, INSTALLED, STORAGE
from collectors.snmp.rows import rows
from collectors.snmp.text import integer, known, oid, positive
from collectors.transport.answers import Answers

METHOD = "hrSWInstalled"
FIXED_DISK, NETWORK_DISK = "1.3.6.1.2.1.25.2.1.4", "1.3.6.1.2.1.25.2.1.10"  # hrStorageTypes
DISK_DEVICE = "1.3.6.1.2.1.25.3.1.6"  # hrDeviceDiskStorage
WRAPPED = 1 << 32  # sizes beyond 2^31 units come as negative numbers
MOST = 5_000  # products of one host
LONGEST = 255
# Places where the kernel and containers keep what is no store of its own.
_TRANSIENT = re.compile(r"^/(?:dev|proc|sys|run|snap|tmp/\.|var/run|var/lib/(?:docker|containers|kubelet))(?:/|$)")
_MOUNTED = re.compile(r"^(?P<device>[^,]*), mounted on: (?P<place>/.*)$")  # FreeBSD's own agent, and Junos
_DRIVE = re.compile(r"^(?P<place>[A-Za-z]:\\)")

_NO_DISK = re.compile(r"^LVM volume|/dev/(?:loop|ram|zram|sr|cd|fd|dm-|md)", re.IGNORECASE)

# How packages are called in hrSWInstalledName: by dpkg, by rpm, by pkg of the BSDs, and with a version behind the name.
_DPKG = re.compile(r"^(?P<name>[a-z0-9][a-z0-9+.-]+)_(?P<version>\d[^_\s]*)_(?P<arch>[a-z0-9]+)$")
_RPM = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w+.-]*?)-(?P<version>\d[^-\s]*-[^-\s]+?)"
    r"(?:\.(?P<arch>x86_64|i[3-6]86|noarch|aarch64|armv7hl|ppc64(?:le)?|s390x))?$"
)
_VERSION_LAST = re.compile(r"^(?P<name>.*?\S)(?:[ -]+v?\.?|-)(?P<version>\d+(?:\.\d[\w,]*)+)$")
_DISTRIBUTION = re.compile(r"\b(debian|ubuntu)\b", re.IGNORECASE)


def filesystems(answers: Answers, device: str) -> list[Observation]:
    """File systems on disks and in the network, by where they are mounted."""
    found: dict[str, dict[str, Attribute]] = {}
    for row in rows(answers, STORAGE).values():
        descr = known(row.get("descr"))
        if descr is None or oid(row.get("type")) not in (FIXED_DISK, NETWORK_DISK):
            continue
        mounted = _MOUNTED.match(descr) or _DRIVE.match(descr)
        place = mounted["place"] if mounted else descr
        if not (place.startswith("/") or mounted) or _TRANSIENT.match(place) or len(place) > LONGEST:
            continue
        attributes: dict[str, Attribute] = {"name": place, "mount_point": place}
        if mounted and mounted.re is _MOUNTED and mounted["device"].startswith("/"):
            attributes["device"] = mounted["device"].partition(":")[0]
        unit, size = positive(row.get("unit")), integer(row.get("size"))
        if unit and size:
            attributes["size_bytes"] = unit * (size if size > 0 else size % WRAPPED)
        found.setdefault(place, attributes)
    return [Observation("Filesystem", place, found[place], parent=device) for place in sorted(found)]


def disks(answers: Answers, device: str) -> list[Observation]:
    """Disks, by what the host calls them; the number of a row is another one after a restart."""
    names = sorted(
        descr
        for row in rows(answers, HOST_DEVICES).values()
        if oid(row.get("type")) == DISK_DEVICE and (descr := known(row.get("descr"))) and not is_placeholder(descr)
    )
    return [
        Observation("Module", name, {"name": name, "kind": "disk"}, parent=device)
        for name in dict.fromkeys(names)
        if not _NO_DISK.search(name)
    ]


@dataclass(frozen=True)
class Product:
    """An installed product by its name; `version` is "" where the name does not end in one."""

    name: str
    version: str = ""
    arch: str = ""
    kind: str = ""  # type in package URLs


def installed(answers: Answers, device: str, system: str) -> list[Observation]:
    """Products installed on the device with this key.

    `system` is what it says of itself: where it names the distribution, a package has the package URL that the host's
    own tools would give it, so that both are one. Of other products the table tells no maker.
    """
    names = {n for row in rows(answers, INSTALLED).values() if (n := known(row.get("name"))) and len(n) <= LONGEST}
    distribution = _DISTRIBUTION.search(system)
    found = (_observe(product(n), distribution[1].lower() if distribution else "") for n in sorted(names)[:MOST])
    link = Link("INSTALLED_ON", device, method=METHOD)
    return list(
        {key: Observation("SoftwareProduct", key, a, (Identifier(key),), links=(link,)) for key, a in found}.values()
    )


def product(name: str) -> Product:
    """Take a name of hrSWInstalledTable apart."""
    for pattern, kind in ((_DPKG, "deb"), (_RPM, "rpm"), (_VERSION_LAST, "")):
        match = pattern.match(name)
        if match:
            return Product(match["name"], match["version"], match.groupdict().get("arch") or "", kind)
    return Product(name)


def _observe(found: Product, distribution: str) -> tuple[str, dict[str, Attribute]]:
    attributes: dict[str, Attribute] = {"name": found.name}
    if found.version:
        attributes["version"] = found.version
    if found.kind == "deb" and distribution:
        attributes["purl"] = Package("deb", found.name, found.version, found.arch).purl(distribution)
        return f"purl:{attributes['purl']}", attributes
    plain = found.name.replace(":", " ").lower()
    return f"product:unknown:{plain}:{found.version}", attributes
