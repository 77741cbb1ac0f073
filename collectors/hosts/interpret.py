"""Raw answers of one host as a report of observations, with the facts of its surroundings. Pure."""

from __future__ import annotations

from cmdb.observation import Observation, Report, Value
from collectors.facts import Facts
from collectors.hosts import guests, mounts, packages, ports, software
from collectors.hosts.machine import machine
from collectors.hosts.processes import owners, processes
from collectors.hosts.read import (
    ADDRESSES,
    APK,
    DMI_GUARDED,
    DMIDECODE,
    DPKG,
    KERNEL,
    LLDP_NEIGHBOURS,
    MOUNTS,
    NEIGHBOURS,
    PROCESSES,
    RPM,
    SESSIONS,
    TCP_LISTENERS,
    UDP_LISTENERS,
)
from collectors.hosts.sockets import Socket, established, listeners
from collectors.hosts.surroundings import chassis, neighbours, resolved
from collectors.transport.answers import Outcome
from collectors.transport.host_answers import HostAnswers

SOURCE = "ssh"
# Names of tables; those with rights are missing where the account may not see what they hold.
SYSTEM, INTERFACES, ADDRESS_TABLE, PACKAGES, LISTENERS = "system", "interfaces", "addresses", "packages", "listeners"
LISTENER_PROCESSES, SERIALS, SESSION_TABLE = "listener_processes", "serials", "sessions"
ARP, LLDP, GUEST_TABLE, MOUNT_TABLE = "arp", "lldp", "guests", "mounts"


def interpret(target: str, address: str, answers: HostAnswers, at: int) -> tuple[Report, Facts]:
    """Say what the answers of `target` mean, as read at `at` (epoch ms) from `address` ("" if not known)."""
    found_ports, listening = ports.ports(answers), listeners(answers)
    host = machine(target, address, answers, found_ports)
    installed = packages.packages(answers)
    running = processes(answers)
    # Two architectures of one package have one version; any of them will do.
    known = software.Known(running, {package.name: package for package in installed}, owners(answers))
    services = software.instances(listening, known)
    connected = established(answers)
    machines, mounted = guests.guests(answers), mounts.mounts(answers)
    observations = [
        Observation(host.ci_class, host.key, _with_role(host.attributes, machines), identifiers=host.identifiers),
        *ports.observe(found_ports, answers, host.key, SOURCE),
        *guests.observe(machines, host.key),
        *mounts.observe(mounted, host.key),
        *software.observe(services, host.key),
        *packages.observe(installed, host.distribution, host.key),
    ]
    rows = {
        SYSTEM: bool(answers.lines(KERNEL)),
        INTERFACES: bool(found_ports),
        ADDRESS_TABLE: bool(answers.lines(ADDRESSES)) and answers.is_whole(ADDRESSES),
        PACKAGES: bool(installed) and all(answers.is_whole(name) for name in (DPKG, RPM, APK)),
        LISTENERS: bool(listening) and answers.is_whole(TCP_LISTENERS) and answers.is_whole(UDP_LISTENERS),
        LISTENER_PROCESSES: _shows_all(listening) and bool(running) and answers.is_whole(PROCESSES),
        GUEST_TABLE: guests.is_read(answers),
        MOUNT_TABLE: bool(mounted) and answers.is_whole(MOUNTS),
        SERIALS: bool(answers.lines(DMIDECODE)) or any(line.split("\t")[1:] for line in _guarded(answers)),
    }
    tables = tuple(name for name, is_read in rows.items() if is_read)
    report = Report(SOURCE, target, at, tuple(observations), complete=_is_complete(answers), tables=tables)
    read = {
        SESSION_TABLE: answers.is_whole(SESSIONS) and bool(answers.lines(SESSIONS)),
        ARP: answers.is_whole(NEIGHBOURS),
        LLDP: answers.is_whole(LLDP_NEIGHBOURS) and bool(answers.lines(LLDP_NEIGHBOURS)),
    }
    facts = Facts(
        SOURCE,
        target,
        at,
        host.key,
        neighbours=neighbours(answers),
        resolved=resolved(answers),
        sessions=software.sessions(connected, services, running),
        chassis=chassis(answers),
        read=frozenset([*tables, *(name for name, is_read in read.items() if is_read)]),
    )
    return report, facts


def _with_role(attributes: dict[str, Value], machines: list[guests.Guest]) -> dict[str, Value]:
    """Attributes of a host, which is a hypervisor where virtual machines are defined on it."""
    if not machines:
        return attributes
    return attributes | {"roles": sorted({"hypervisor", *attributes.get("roles", ())})}


def _shows_all(listening: list[Socket]) -> bool:
    """Whether the process of every listener is shown: without rights a host shows those of the account only."""
    return bool(listening) and all(socket.holders for socket in listening)


def _guarded(answers: HostAnswers) -> list[str]:
    """Rows of SMBIOS values that take rights to read, and that were read."""
    return [line for line in answers.lines(DMI_GUARDED) if line.partition("\t")[2].strip()]


def _is_complete(answers: HostAnswers) -> bool:
    """Whether every section came to its own end; what a host does not have, and says so, is an answer."""
    return answers.outcome is Outcome.COMPLETE and all(s.is_whole for s in answers.sections.values())
