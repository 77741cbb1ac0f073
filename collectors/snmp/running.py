"""Programs that serve others, out of the processes that a host lists (HOST-RESOURCES-MIB, TCP-MIB). Pure."""

from __future__ import annotations

import ipaddress
import re

from cmdb.observation import Observation
from cmdb.observation import Value as Attribute
from collectors.hosts.processes import Process
from collectors.hosts.products import Product, product_of
from collectors.scrub import scrub_text
from collectors.snmp.inventory_tables import LISTENERS, RUNNING
from collectors.snmp.rows import rows
from collectors.snmp.text import integer, text
from collectors.transport.answers import Answers, Oid

MAX_COMMAND = 500
_SUFFIX = re.compile(r"\.exe$", re.IGNORECASE)
_V4, _V6 = (1, 4), (2, 16)  # InetAddressType and octets of an address in an index


def services(answers: Answers, device: str) -> list[Observation]:
    """Running programs that the table of products knows, each once, with where it listens if the host tells that."""
    listening = _listening(answers)
    found: dict[str, Observation] = {}
    for index, row in rows(answers, RUNNING).items():
        process = _process(index[-1], text(row.get("name")), text(row.get("path")), text(row.get("parameters")))
        product = product_of(process, _SUFFIX.sub("", text(row.get("name"))))
        if product is None:
            continue
        own = _own(process.pid, product, listening)
        key = f"tcp-{min(port for _, port, _ in own)}" if own else product.product
        found.setdefault(key, Observation("SoftwareInstance", key, _attributes(product, process, own), parent=device))
    return [found[key] for key in sorted(found)]


def _process(pid: int, name: str, path: str, parameters: str) -> Process:
    """A process as it would be listed by the host itself; Windows gives the folder as path, and `name` the file."""
    program = _SUFFIX.sub("", path if path.startswith("/") else name)
    return Process(pid, 0, "", f"{program} {parameters}".strip(), program if program.startswith("/") else "")


Listener = tuple[str, int, int]  # address, port, number of the process, 0 where it is not told


def _listening(answers: Answers) -> list[Listener]:
    """tcpListenerTable: address type, octets of the address, and port make up the index."""
    found = []
    for index, row in rows(answers, LISTENERS).items():
        address = _address(index[:-1])
        if address is not None and 0 < index[-1] <= 65_535:
            found.append((address, index[-1], integer(row.get("process")) or 0))
    return found


def _address(index: Oid) -> str | None:
    octets = index[2:]
    if (tuple(index[:2]), len(octets)) not in ((_V4, 4), (_V6, 16)) or max(octets) > 255:
        return None
    found = ipaddress.ip_address(bytes(octets))
    return f"[{found}]" if found.version == 6 else str(found)


def _own(pid: int, product: Product, listening: list[Listener]) -> list[Listener]:
    """Listeners of a process; where the host tells no processes, those at the usual ports of its product."""
    if any(process for _, _, process in listening):
        return [one for one in listening if one[2] == pid]
    return [one for one in listening if one[1] in product.ports]


def _attributes(product: Product, process: Process, own: list[Listener]) -> dict[str, Attribute]:
    name = f"{product.product}:{min(port for _, port, _ in own)}" if own else product.product
    attributes: dict[str, Attribute] = {"name": name, "product": product.product, "kind": product.kind}
    if own:
        attributes["listen"] = sorted({f"tcp/{address}:{port}" for address, port, _ in own})
    command = scrub_text(process.arguments[: 4 * MAX_COMMAND])[:MAX_COMMAND]
    return attributes | ({"command": command} if command else {})
