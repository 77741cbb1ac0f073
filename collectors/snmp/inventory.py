"""What is in a device beside the parts of ENTITY-MIB, by the class of the device. Pure."""

from __future__ import annotations

from cmdb.observation import Observation
from cmdb.observation import Value as Attribute
from collectors.snmp import guests, host_resources, power, running, supplies
from collectors.snmp.system import Device
from collectors.transport.answers import Answers

HOSTS = frozenset(("Computer", "VirtualMachine", "StorageDevice"))


def attributes(device: Device, answers: Answers) -> dict[str, Attribute]:
    """What the device itself is built for."""
    if device.ci_class == "PowerDevice":
        return power.ratings(answers)
    return power.poe_budget(answers) if device.ci_class == "NetworkDevice" else {}


def observe(device: Device, answers: Answers, told: list[Observation]) -> list[Observation]:
    """Parts, file systems, software and virtual machines; `told` are the parts that are there already."""
    key, ci_class = device.key, device.ci_class
    said = " ".join(device.attributes.get(a) or "" for a in ("sys_description", "os_name", "os_version"))
    found = host_resources.installed(answers, key, said)
    if ci_class == "Printer":
        return supplies.supplies(answers, key) + found
    if ci_class == "PowerDevice":
        return power.battery(answers, key, told) + found
    if ci_class not in HOSTS:
        return found
    has_disks = any(o.attributes.get("kind") == "disk" for o in told)
    return [
        *([] if has_disks else host_resources.disks(answers, key)),
        *host_resources.filesystems(answers, key),
        *running.services(answers, key),
        *guests.guests(answers, key),
        *found,
    ]
