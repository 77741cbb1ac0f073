"""What is read of what is in a device, by the class of the device: software, guests, supplies, power."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.snmp.table import Table, table
from collectors.transport.answers import Oid, parse_oid

# HOST-RESOURCES-MIB, TCP-MIB, VMWARE-VMINFO-MIB, Printer-MIB, POWER-ETHERNET-MIB.
STORAGE = table("storage", "1.3.6.1.2.1.25.2.3.1", {"type": 2, "descr": 3, "unit": 4, "size": 5}, "descr")
HOST_DEVICES = table("host_devices", "1.3.6.1.2.1.25.3.2.1", {"type": 2, "descr": 3}, "type")
INSTALLED = table("installed", "1.3.6.1.2.1.25.6.3.1", {"name": 2}, "name")
RUNNING = table("running", "1.3.6.1.2.1.25.4.2.1", {"name": 2, "path": 4, "parameters": 5}, "name")
LISTENERS = table("listeners", "1.3.6.1.2.1.6.20.1", {"process": 4}, "process", after="running")
VIRTUAL_MACHINES = table(
    "virtual_machines",
    "1.3.6.1.4.1.6876.2.1.1",
    {"name": 2, "guest": 4, "memory_mb": 5, "state": 6, "cpus": 9, "uuid": 10},
    "name",
)
SUPPLIES = table(
    "supplies",
    "1.3.6.1.2.1.43.11.1.1",
    {"colorant": 3, "class": 4, "type": 5, "descr": 6, "unit": 7, "capacity": 8},
    "descr",
)
COLORANTS = table("colorants", "1.3.6.1.2.1.43.12.1.1", {"colour": 4}, "colour", after="supplies")
POE_PORTS = table("poe_ports", "1.3.6.1.2.1.105.1.1.1", {"enabled": 3}, "enabled")
POE_SOURCES = table("poe_sources", "1.3.6.1.2.1.105.1.3.1.1", {"power_w": 2}, "power_w", after="poe_ports")

# Ratings by attribute: the first that is answered counts. All are in whole volts, watts and volt-amperes.
RATINGS: Mapping[str, tuple[Oid, ...]] = {
    "rated_power_va": (
        parse_oid("1.3.6.1.2.1.33.1.9.5.0"),  # upsConfigOutputVA
    ),
    "rated_power_w": (
        parse_oid("1.3.6.1.2.1.33.1.9.6.0"),  # upsConfigOutputPower
        parse_oid("1.3.6.1.4.1.534.1.10.3.0"),  # xupsConfigOutputWatts
    ),
    "rated_input_voltage_v": (
        parse_oid("1.3.6.1.2.1.33.1.9.1.0"),  # upsConfigInputVoltage
        parse_oid("1.3.6.1.4.1.534.1.10.2.0"),  # xupsConfigInputVoltage
    ),
    "rated_output_voltage_v": (
        parse_oid("1.3.6.1.2.1.33.1.9.3.0"),  # upsConfigOutputVoltage
        parse_oid("1.3.6.1.4.1.534.1.10.1.0"),  # xupsConfigOutputVoltage
        parse_oid("1.3.6.1.4.1.318.1.1.1.5.2.1.0"),  # upsAdvConfigRatedOutputVoltage
    ),
}
BATTERY_STATUS = parse_oid("1.3.6.1.2.1.33.1.2.1.0")  # upsBatteryStatus

# What is read of devices of which class only; a device whose class no profile fixes is asked for all of it.
INVENTORY: Mapping[str, tuple[Table, ...]] = {
    "Computer": (STORAGE, HOST_DEVICES, RUNNING, LISTENERS, VIRTUAL_MACHINES),
    "VirtualMachine": (STORAGE, HOST_DEVICES, RUNNING, LISTENERS),
    "StorageDevice": (STORAGE, HOST_DEVICES, RUNNING, LISTENERS),
    "Printer": (SUPPLIES, COLORANTS),
    "NetworkDevice": (POE_PORTS, POE_SOURCES),
}
INVENTORY_TABLES: tuple[Table, ...] = (
    INSTALLED,
    STORAGE,
    HOST_DEVICES,
    RUNNING,
    LISTENERS,
    VIRTUAL_MACHINES,
    SUPPLIES,
    COLORANTS,
    POE_PORTS,
    POE_SOURCES,
)
