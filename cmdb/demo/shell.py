"""What each host of the demo site says to the host collector, section by section."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Interface
from typing import Any

from cmdb.demo.device import Device, Port
from cmdb.demo.programs import Program, packages, programs
from cmdb.demo.shape import Software, end
from cmdb.demo.site import Site
from cmdb.demo.wires import Far, neighbours
from collectors.hosts import read

Sections = dict[int, tuple[str, int]]

_FIRST_PID, _FIRST_CALL_PORT = 700, 40000
_OK, _NOT_THERE = 0, 125  # a command that has nothing to ask there ends so
_MEGABIT = 1_000_000
_ARPHRD = {"softwareLoopback": 772}
_KINDS = {"bond": "bond mode active-backup miimon 100", "br": "bridge forward_delay 0 stp_state 0"}


@dataclass(frozen=True)
class Running:
    """A program that runs on a host, with the number of its process."""

    name: str
    pid: int
    program: Program
    said: Software

    @property
    def holder(self) -> str:
        """As ss shows who has a socket open."""
        return f'users:(("{self.program.shown}",pid={self.pid},fd=6))'


def sections(site: Site, device: Device) -> Sections:
    """Standard output and exit status by the number of the section in the collector's script."""
    texts = {
        **_machine(device),
        **_network(site, device),
        **_software(site, device),
        read.GUESTS: _guests(site, device),
    }
    answered = {name: text for name, text in texts.items() if text is not None}
    return {
        number: (answered[command.name], _OK) if command.name in answered else ("", _NOT_THERE)
        for number, command in enumerate(read.SCRIPT)
    }


def _machine(device: Device) -> dict[str, str | None]:
    shell, said = device.family.shell, device.said
    if shell is None:
        return {}
    dmi = {"sys_vendor": shell.maker, "product_name": shell.product, "product_version": ""}
    dmi |= {"chassis_type": str(shell.chassis_type), "board_vendor": shell.maker, "board_name": "", "bios_vendor": ""}
    guarded = {"product_serial": said.serial or "", "product_uuid": _uuid(device), "chassis_serial": ""}
    return {
        read.OS: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian',
        read.RELEASE: "12.8",
        read.KERNEL: f"Linux\n{device.family.os_version}\nx86_64\n{device.name}",
        read.MACHINE_ID: sha256(f"machine-id {device.name} {said.mac}".encode()).hexdigest()[:32],
        read.DMI: _rows(dmi),
        read.DMI_GUARDED: _rows(guarded),
        read.CPUS: str(shell.cpus),
        read.MEMORY: f"MemTotal:       {shell.memory_kb} kB",
    }


def _uuid(device: Device) -> str:
    """The UUID in SMBIOS: that of a virtual machine is its hypervisor's, that of hardware follows from its serial."""
    if device.said.uuid:
        return device.said.uuid
    digits = sha256(f"uuid {device.said.serial}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-9{digits[17:20]}-{digits[20:32]}"


def _rows(values: dict[str, str]) -> str:
    return "\n".join(f"{name}\t{value}" for name, value in values.items())


def _network(site: Site, device: Device) -> dict[str, str | None]:
    speaks = device.family.lldp is not None
    around = [far for far in neighbours(site, device) if far.device.family.lldp]
    chassis = {"id": [{"type": "mac", "value": device.said.mac}], "name": [{"value": device.name}]}
    return {
        read.LINKS: "\n".join(_link(device, port) for port in device.ports),
        read.SYSFS_LINKS: "\n".join(_sysfs(device, port) for port in device.ports),
        read.ADDRESSES: "\n".join(_addresses(device)),
        read.NEIGHBOURS: "\n".join(_resolved(site, device)),
        read.LLDP_CHASSIS: json.dumps({"local-chassis": [{"chassis": [chassis]}]}) if speaks else None,
        read.LLDP_NEIGHBOURS: json.dumps({"lldp": [{"interface": [_lldp(far) for far in around]}]}) if speaks else None,
    }


def _kind(port: Port) -> str:
    """`bond` or `br`; "" for a port that is neither."""
    return next((kind for kind in _KINDS if port.name.startswith(kind)), "")


def _master(device: Device, port: Port) -> str:
    """A bond's ports belong to it; a bridge has the bond."""
    bridge = next((p.name for p in device.ports if _kind(p) == "br"), "")
    return port.aggregate or (bridge if _kind(port) == "bond" else "")


def _link(device: Device, port: Port) -> str:
    """A row of `ip -d -o link show`."""
    if port.type == "softwareLoopback":
        head = f"{port.index}: {port.name}: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT"
        return (
            f"{head} group default qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0"
        )
    is_up = port.cabled or not port.physical or bool(port.addresses)
    flags = "BROADCAST,MULTICAST,UP,LOWER_UP" if is_up else "NO-CARRIER,BROADCAST,MULTICAST,UP"
    master = _master(device, port)
    belongs = f"master {master} " if master else ""
    head = f"{port.index}: {port.name}: <{flags}> mtu 1500 qdisc mq {belongs}state {'UP' if is_up else 'DOWN'}"
    detail = f"\\    {_KINDS[_kind(port)]}" if _kind(port) else ""
    return f"{head} mode DEFAULT group default qlen 1000\\    link/ether {port.mac} brd ff:ff:ff:ff:ff:ff{detail}"


def _sysfs(device: Device, port: Port) -> str:
    """A row of what /sys/class/net tells; a dash for what is not there."""
    is_loopback, kind = port.type == "softwareLoopback", _kind(port)
    speed = str(port.speed_bps // _MEGABIT) if port.speed_bps else "-1"
    state = "unknown" if is_loopback else "up" if port.cabled or not port.physical or port.addresses else "down"
    first = [port.name, port.index, port.mac or "00:00:00:00:00:00", 65536 if is_loopback else 1500, speed]
    there = ["device" if port.physical else "-", "-", "bonding" if kind == "bond" else "-"]
    rest = [_ARPHRD.get(port.type, 1), state, "0x9" if is_loopback else "0x1003", *there]
    return "\t".join(map(str, [*first, *rest, "bridge" if kind == "br" else "-"]))


def _addresses(device: Device) -> Iterator[str]:
    """Rows of `ip -o addr show`."""
    for port in device.ports:
        scope = "host" if port.type == "softwareLoopback" else "global"
        for address in port.addresses:
            family = "inet" if isinstance(address, IPv4Interface) else "inet6"
            last = f"scope {scope} {port.name}\\       valid_lft forever preferred_lft forever"
            yield f"{port.index}: {port.name}    {family} {address.with_prefixlen} {last}"


def _resolved(site: Site, device: Device) -> Iterator[str]:
    """Rows of `ip neigh show`: the routers of the host's own subnets."""
    for port in device.ports:
        for address in port.addresses:
            for router in site.devices.values():
                for far in (a for p in router.ports for a in p.addresses if router.family.routes):
                    if far.ip in address.network and router is not device and not far.ip.is_loopback:
                        yield f"{far.ip} dev {port.name} lladdr {_mac_of(router, str(far.ip))} REACHABLE"


def _mac_of(device: Device, address: str) -> str:
    return next(p.mac for p in device.ports if address in {str(a.ip) for a in p.addresses})


def _lldp(far: Far) -> dict[str, Any]:
    """A neighbour in the form `json0` of lldpcli, where every element is a list."""
    family, by_name = far.device.family, far.device.family.lldp == "name"
    port_id = ("ifname", far.far_port.name) if by_name else ("mac", far.far_port.mac)
    chassis: dict[str, Any] = {
        "id": [{"type": "mac", "value": far.device.said.mac}],
        "name": [{"value": far.device.name}],
        "descr": [{"value": ""}],
        "capability": [
            {"type": "Bridge", "enabled": family.bridge},
            {"type": "Router", "enabled": family.routes},
        ],
    }
    if far.device.address is not None:
        chassis["mgmt-ip"] = [{"value": str(far.device.address.ip)}]
    port = {"id": [{"type": port_id[0], "value": port_id[1]}], "descr": [{"value": far.far_port.name}]}
    return {"name": far.port.name, "via": "LLDP", "rid": "1", "chassis": [chassis], "port": [port]}


def running(device: Device) -> list[Running]:
    """The programs of a host, with numbers that are the same each time."""
    return [
        Running(name, _FIRST_PID + 10 * at, programs()[name], said)
        for at, (name, said) in enumerate(device.said.software.items())
    ]


def _software(site: Site, device: Device) -> dict[str, str | None]:
    found = running(device)
    processes = ["1 0 root /sbin/init", *(f"{r.pid} 1 {r.program.user} {r.program.command}" for r in found)]
    return {
        read.DPKG: "\n".join(f"ii \t{name}\t{version}\tamd64" for name, version in sorted(_installed(found).items())),
        read.TCP_LISTENERS: "\n".join(_listeners(found, "tcp", "LISTEN")),
        read.UDP_LISTENERS: "\n".join(_listeners(found, "udp", "UNCONN")),
        read.SESSIONS: "\n".join(_sessions(site, device, found)),
        read.PROCESSES: "\n".join(processes),
        read.EXECUTABLES: "\n".join(f"{r.pid} {r.program.executable}" for r in found),
        read.UNITS: "\n".join(f"/proc/{r.pid}/cgroup:0::/system.slice/{r.program.unit}" for r in found),
        read.OWNERS: "\n".join(f"{r.program.owner or r.program.package}: {r.program.executable}" for r in found),
    }


def _installed(found: Iterable[Running]) -> dict[str, str]:
    return packages() | {r.program.package: r.program.version for r in found}


def _listeners(found: Iterable[Running], protocol: str, state: str) -> Iterator[str]:
    """Rows of `ss -lnp`."""
    yield "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process"
    for one in found:
        for listen in one.said.listen:
            if listen.startswith(f"{protocol}/"):
                yield f"{state} 0      511    {listen.partition('/')[2]}      0.0.0.0:*    {one.holder}"


def _sessions(site: Site, device: Device, found: Iterable[Running]) -> Iterator[str]:
    """Rows of `ss -tnp`: each call of the site that begins or ends on this host."""
    yield "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process"
    by_name = {r.name: r for r in found}
    calls = [
        (d, program, call) for d in site.devices.values() for program, s in d.said.software.items() for call in s.calls
    ]
    for at, (caller, program, call) in enumerate(calls):
        name, called = end(call)
        server = site.devices[name]
        if caller.address is None or server.address is None:
            continue
        near = f"{caller.address.ip}:{_FIRST_CALL_PORT + at}"
        far = f"{server.address.ip}:{server.said.software[called].port}"
        if caller is device:
            yield f"ESTAB 0 0 {near} {far} {by_name[program].holder}"
        if server is device:
            yield f"ESTAB 0 0 {far} {near} {by_name[called].holder}"


def _guests(site: Site, device: Device) -> str | None:
    """What virsh lists, on hosts that have it: those with a bridge, for machines to be plugged into."""
    if not any(_kind(port) == "br" for port in device.ports):
        return None
    machines = [d for d in site.devices.values() if d.said.runs_on == device.name]
    return "\n".join(["running", *(f"{d.said.uuid} {d.name}" for d in machines), "", "inactive", ""])
