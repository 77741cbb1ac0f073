"""Sessions that many hosts saw, as links from clients to the software that serves them. Pure."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cmdb.observation import Link, Observation, Report, path, path_of
from collectors.facts import Facts, Session

METHOD = "session"
_DEVICES = frozenset(
    ("Computer", "VirtualMachine", "NetworkDevice", "StorageDevice", "PowerDevice", "Printer", "Endpoint")
)
_FORWARDING = frozenset(("router", "firewall", "load_balancer", "access_point"))
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here

_EPHEMERAL = 32768  # from here on ports may be the kernel's choice

Origin = tuple[str, str]  # source and target
End = tuple[str, int]  # address and port


@dataclass
class _Host:
    """One host, with all reports that speak of it. `told` is the one that names its software, if any does."""

    reports: list[Report] = field(default_factory=list)
    told: Report | None = None
    addresses: set[str] = field(default_factory=set)
    listening: dict[End, str] = field(default_factory=dict)  # local keys of instances by address ("" for any) and port
    clients: dict[tuple[End, End], str] = field(default_factory=dict)  # near and far end: local key, "" if not known


class Tie(NamedTuple):
    """A CONNECTS_TO link from `near`, a path in the report of the client.

    `inside` is the device that the far end stands in where nobody has described its software, and `listen` where
    something listens there as the sessions alone tell.
    """

    near: str
    link: Link
    inside: Observation | None = None
    listen: tuple[str, ...] = ()


def connect(reports: Sequence[Report], facts: Sequence[Facts]) -> dict[Origin, list[Tie]]:
    """CONNECTS_TO links by the source and target that is to say them.

    The near end is the client's instance, or its device where the process is not known. Both ends see one session: it
    counts once. Addresses that several hosts have, or none that is known, are left out, and so is a port at which a
    host whose software is known shows no listener: nothing is guessed.
    """
    hosts = _hosts(reports, facts)
    owner = _owners(hosts)
    ports: dict[tuple[Origin, str, str], set[int]] = defaultdict(set)
    assumed: dict[str, tuple[Observation, set[str]]] = {}
    for near, far, server in _pairs(hosts, facts, owner):
        found = _link(near, far, server)
        if found is not None:
            ports[found].add(far[1])
            if server.told is None:
                assumed.setdefault(found[2], (_own_device(server), set()))[1].add(_listen(far))
    out: dict[Origin, list[Tie]] = defaultdict(list)
    for (origin, near_path, to), seen in sorted(ports.items()):
        link = Link("CONNECTS_TO", to, {"port": sorted(seen)}, METHOD)
        inside, listen = assumed.get(to, (None, ()))
        out[origin].append(Tie(near_path, link, inside, tuple(sorted(listen))))
    return dict(out)


def _listen(end: End) -> str:
    return f"tcp/[{end[0]}]:{end[1]}" if ":" in end[0] else f"tcp/{end[0]}:{end[1]}"


def _hosts(reports: Sequence[Report], facts: Sequence[Facts]) -> list[_Host]:
    """Reports of one target, or with a strong identifier in common, are of one host."""
    hosts: list[_Host] = []
    known: dict[str, _Host] = {}
    for report in sorted(reports, key=lambda r: (r.source, r.target)):
        device = _device(report)
        if device is None:
            continue
        keys = [f"target:{report.target}", *(i.key for i in device.identifiers if i.strong)]
        host = next((known[key] for key in keys if key in known), None)
        if host is None:
            host = _Host()
            hosts.append(host)
        known.update((key, host) for key in keys if key not in known)
        _add(host, report)
    for fact in facts:
        host = known.get(f"target:{fact.target}")
        if host is not None:
            host.clients.update((_ends(s), s.process) for s in fact.sessions if not s.inbound)
    return hosts


def _device(report: Report) -> Observation | None:
    return next((o for o in report.observations if o.ci_class in _DEVICES and o.role == "self"), None)


def _add(host: _Host, report: Report) -> None:
    host.reports.append(report)
    for o in report.observations:
        if o.ci_class == "IPAddress" and o.parent is not None and o.role == "self":
            address = _plain(str(o.attributes.get("address", "")))
            if address and not _is_local(address):
                host.addresses.add(address)
        elif o.ci_class == "SoftwareInstance":
            host.told = host.told or report
            for place in o.attributes.get("listen", []):
                end = _place(place)
                if end is not None:
                    host.listening.setdefault(end, o.key)


def _place(text: str) -> End | None:
    """Address and port of `tcp/0.0.0.0:5432` ("" for any address); None for other protocols."""
    protocol, _, rest = text.partition("/")
    address, _, port = rest.rpartition(":")
    if protocol != "tcp" or not port.isdigit():
        return None
    bare = address.strip("[]")
    return ("" if bare in _WILDCARDS else _plain(bare), int(port))


def _plain(text: str) -> str:
    """Canonical text of an address, "" for what is none; IPv4 in IPv6 is IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_local(address: str) -> bool:
    """Whether an address means another host on every wire, or in every host."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified


def _owners(hosts: Iterable[_Host]) -> dict[str, _Host | None]:
    """Hosts by their addresses; None for an address that several have."""
    owner: dict[str, _Host | None] = {}
    for host in hosts:
        for address in host.addresses:
            owner[address] = host if owner.get(address, host) is host else None
    return owner


def _ends(session: Session) -> tuple[End, End]:
    near = (_plain(session.local_address), session.local_port)
    return near, (_plain(session.remote_address), session.remote_port)


def _pairs(
    hosts: Iterable[_Host], facts: Iterable[Facts], owner: Mapping[str, _Host | None]
) -> Iterable[tuple[tuple[_Host, End], End, _Host]]:
    """Client's host with its end, server's end, and server's host of each session, as either side tells it."""
    by_target = {report.target: host for host in hosts for report in host.reports}
    for fact in facts:
        host = by_target.get(fact.target)
        if host is None:
            continue
        for session in fact.sessions:
            near, far = _ends(session)
            other = host if _is_inside(near, far) else owner.get(far[0])
            if other is None:
                continue
            yield ((other, far), near, host) if session.inbound else ((host, near), far, other)


def _is_inside(near: End, far: End) -> bool:
    """Whether both ends are on the host that tells of them."""
    if not near[0] or not far[0]:
        return False
    return near[0] == far[0] or (_is_local(near[0]) and _is_local(far[0]))


def _link(near: tuple[_Host, End], far: End, server: _Host) -> tuple[Origin, str, str] | None:
    """Who says it, from where, to where; None where the listener is not known, or talks to itself."""
    client, end = near
    key = server.listening.get(far) or server.listening.get(("", far[1]))
    if key is None and server.told is None and far[1] < _EPHEMERAL and (end, far) in client.clients:
        key = f"tcp-{far[1]}"  # as the host collector will call it once it gets in
    if key is None:
        return None
    process = client.clients.get((end, far), "")
    if client is server and process in ("", key):
        return None
    report = client.told or client.reports[0]
    device, far_device = _device(report), _own_device(server)
    if device is None or ((end, far) not in client.clients and _forwards(client)):
        return None
    near_path = path(path_of(device), "SoftwareInstance", process) if process else path_of(device)
    return (report.source, report.target), near_path, path(_name(far_device), "SoftwareInstance", key)


def _own_device(host: _Host) -> Observation:
    """The device of a host; of its reports the one that names its software, else the first."""
    found = (_device(report) for report in ([host.told] if host.told else host.reports))
    return next(device for device in found if device is not None)


def _forwards(host: _Host) -> bool:
    """Whether a host may stand before others (NAT): sessions that it does not know itself need not be its own."""
    devices = [device for report in host.reports if (device := _device(report)) is not None]
    return any(d.ci_class == "NetworkDevice" or _FORWARDING & set(d.attributes.get("roles", [])) for d in devices)


def _name(device: Observation) -> str:
    """An identifier that names a device alone: a strong one, else the name of its target."""
    strong = (i.key for i in device.identifiers if i.strong)
    return next(strong, next((i.key for i in device.identifiers if i.key.startswith("target:")), device.key))
