"""The demo site as it is written down in one YAML file, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cmdb.demo.device import Device, device_of
from cmdb.demo.families import families
from cmdb.demo.mistakes import twice, unknown_names, wrong_ports
from cmdb.demo.shape import SiteFile, end
from collectors.push.document import read_document, refuse

BUILT_IN = Path(__file__).with_name("site.yaml")


@dataclass(frozen=True)
class Site:
    """A checked site. `file` is where it was read from, for messages."""

    file: str
    content: SiteFile
    devices: Mapping[str, Device]
    cables: tuple[tuple[tuple[str, str], tuple[str, str]], ...]


def load_site(path: Path = BUILT_IN) -> Site:
    """Read and check a site; raises Invalid with file and key of each mistake."""
    content = read_document(path, SiteFile)
    refuse(str(path), unknown_names(content))
    cables = tuple((end(a), end(b)) for a, b in content.cables)
    plugged = {one for cable in cables for one in cable} | {end(one.port) for one in content.silent}
    devices = {
        name: device_of(name, said, families()[said.family], {port for device, port in plugged if device == name})
        for name, said in content.devices.items()
    }
    refuse(str(path), [*wrong_ports(content, devices), *twice(content, devices)])
    return Site(str(path), content, devices, cables)


def digest_of(site: Site) -> str:
    """What a site says, in a few characters: another text of the same content has the same ones."""
    return sha256(site.content.model_dump_json(by_alias=True).encode()).hexdigest()
