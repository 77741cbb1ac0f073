"""Virtual machines as the agent of VMware ESXi tells of them (VMWARE-VMINFO-MIB). Pure."""

from __future__ import annotations

import re

from cmdb.model import is_placeholder
from cmdb.observation import Identifier, Link, Observation
from cmdb.observation import Value as Attribute
from collectors.snmp.inventory_tables import VIRTUAL_MACHINES
from collectors.snmp.rows import rows
from collectors.snmp.text import known, positive, text
from collectors.transport.answers import Answers, Value

METHOD = "vmware"
MEBIBYTE = 1 << 20
MAX_MEMORY_MB, MAX_CPUS = 1 << 30, 100_000
_HEX32 = re.compile(r"[0-9a-f]{32}")


def guests(answers: Answers, device: str) -> list[Observation]:
    """Virtual machines with a UUID; those that are powered on run on the host with this key.

    The machine itself shows the same UUID, so that both are one; one that is off may be at another host by now.
    """
    found = {}
    for row in rows(answers, VIRTUAL_MACHINES).values():
        uuid = _uuid(row.get("uuid"))
        if uuid is None:
            continue
        attributes: dict[str, Attribute] = {"name": known(row.get("name")) or uuid, "uuid": uuid}
        memory, cpus, guest = positive(row.get("memory_mb")), positive(row.get("cpus")), known(row.get("guest"))
        if memory is not None and memory <= MAX_MEMORY_MB:
            attributes["memory_bytes"] = memory * MEBIBYTE
        if cpus is not None and cpus <= MAX_CPUS:
            attributes["vcpus"] = cpus
        if guest is not None and not guest.startswith("E:") and not is_placeholder(guest):  # `E: tools not running`
            attributes["os_name"] = guest
        is_on = re.sub(r"[^a-z]", "", text(row.get("state")).lower()) == "poweredon"
        found[uuid] = Observation(
            "VirtualMachine",
            f"uuid:{uuid}",
            attributes,
            identifiers=(Identifier(f"uuid:{uuid}"),),
            links=(Link("RUNS_ON", device, method=METHOD),) if is_on else (),
            role="reported",
        )
    return [found[uuid] for uuid in sorted(found)]


def _uuid(value: Value) -> str | None:
    """A UUID in its usual form, whatever stands between its digits."""
    digits = re.sub(r"[^0-9a-f]", "", text(value).lower())
    if not _HEX32.fullmatch(digits) or is_placeholder(digits):
        return None
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
