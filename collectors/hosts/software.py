"""Listening sockets and their processes as software instances, and sessions between them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from cmdb.observation import Observation
from cmdb.observation import Value as Attribute
from collectors.facts import Session
from collectors.hosts.packages import Package
from collectors.hosts.processes import Process
from collectors.hosts.products import Product, Program, name_of_kernel, name_program, product_of
from collectors.hosts.sockets import ANY, EPHEMERAL, Socket, is_loopback
from collectors.scrub import scrub_text

MAX_COMMAND = 1000
# What programs write into their own command line and change while they run.
_CHANGING = re.compile(r" \d+ of \d+-\d+ startups")


@dataclass(frozen=True)
class Instance:
    """A running service: where it listens, and what is known of it. `root` is None where its process is not shown."""

    key: str
    sockets: tuple[Socket, ...]
    program: Program
    root: Process | None = None


@dataclass(frozen=True)
class Known:
    """What a host told of its software."""

    processes: Mapping[int, Process]
    packages: Mapping[str, Package]
    owners: Mapping[str, str]


def instances(listening: list[Socket], known: Known) -> list[Instance]:
    """Software instances, each with all its sockets.

    The local key is the lowest TCP port (`tcp-5432`), else the lowest UDP port. It holds neither process nor product:
    a visit without rights sees the port only, and a later one with rights names the same instance. Of several programs
    that share a port each has its address appended. A program with nothing but ports that the kernel chose is known by
    its name, as those change when it starts again.

    Whose a port is that a host does not show is said only where one running program fits it.
    """
    groups: dict[object, list[Socket]] = defaultdict(list)
    is_blind = any(not socket.holders for socket in listening)
    daemons = _daemons(known.processes) if is_blind else []
    for socket in listening:
        if not socket.holders and socket.port >= EPHEMERAL and is_loopback(socket.address):
            continue  # talk inside the host on a port that is another one tomorrow, of nobody knows whom
        root = _root(socket, known.processes) if socket.holders else _claimant(socket, daemons)
        groups[root if root is not None else (socket.protocol, socket.port)].append(socket)
    found = []
    for owner, sockets in groups.items():
        root_process = known.processes.get(owner) if isinstance(owner, int) else None
        kept = _own(owner, sockets) if isinstance(owner, int) else sockets
        found.append(_instance(kept, root_process, known))
    return sorted(_unique(found), key=lambda i: i.key)


def _root(socket: Socket, processes: Mapping[int, Process]) -> int:
    """The process that started those which hold a socket, as far as they run the same program."""
    pid = min(p for p, _ in socket.holders)
    seen = {pid}
    while (process := processes.get(pid)) and (above := processes.get(process.parent)):
        if above.pid in seen or above.pid == 1 or not _same_program(process, above):
            break
        pid = above.pid
        seen.add(pid)
    return pid


def _daemons(processes: Mapping[int, Process]) -> list[tuple[Process, Product]]:
    """The first processes of programs that are known to serve."""
    found = []
    for process in processes.values():
        above = processes.get(process.parent)
        product = product_of(process) if above is None or not _same_program(process, above) else None
        if product is not None:
            found.append((process, product))
    return found


def _claimant(socket: Socket, daemons: list[tuple[Process, Product]]) -> int | None:
    """The one running program that a port fits, by its usual port or its command line; None if not just one does."""
    written = re.compile(rf"(?:^|[\s:=]){socket.port}(?:\s|/|$)")
    fits = [p.pid for p, product in daemons if socket.port in product.ports or written.search(p.arguments)]
    return fits[0] if len(fits) == 1 else None


def _same_program(one: Process, other: Process) -> bool:
    if one.executable and other.executable and one.executable != other.executable:
        return False
    if one.called != other.called and not (one.executable and one.executable == other.executable):
        return False
    scripts = [next((w for w in p.words[1:] if not w.startswith("-")), "") for p in (one, other)]
    return ":" in "".join(p.words[0] for p in (one, other) if p.words) or scripts[0] == scripts[1]


def _own(root: int, sockets: list[Socket]) -> list[Socket]:
    """Those of its sockets that stay: not the forwardings of single sessions, which other processes hold, nor ports
    that the kernel chose for talk inside the host.
    """
    own = [s for s in sockets if not s.holders or any(pid == root for pid, _ in s.holders)] or sockets
    return [s for s in own if s.port < EPHEMERAL or not is_loopback(s.address)] or own


def _instance(sockets: list[Socket], root: Process | None, known: Known) -> Instance:
    shown = next((name for s in sockets for pid, name in s.holders if root is None or pid == root.pid), "")
    if root is not None:
        program = name_program(root, shown, known.packages, known.owners)
    else:
        program = name_of_kernel(shown) if shown else Program("", "")
    return Instance(_key(sockets, program), tuple(sorted(set(sockets), key=lambda s: s.place)), program, root)


def _key(sockets: list[Socket], program: Program) -> str:
    """The key before it is made unique."""
    lowest = min(sockets, key=lambda s: (s.protocol != "tcp", s.port))
    if program.product and all(s.port >= EPHEMERAL for s in sockets):
        return program.product
    return f"{lowest.protocol}-{lowest.port}"


def _unique(found: list[Instance]) -> list[Instance]:
    by_key: dict[str, list[Instance]] = defaultdict(list)
    for instance in found:
        by_key[instance.key].append(instance)
    out = []
    for key, same in by_key.items():
        if len(same) == 1:
            out += same
            continue
        taken: dict[str, Instance] = {}
        for instance in sorted(same, key=lambda i: ([s.place for s in i.sockets], i.program.product)):
            first = min(instance.sockets, key=lambda s: (s.port, s.address))
            longer = f"{key}@{first.address}" if key.endswith(f"-{first.port}") else f"{key}-{first.port}"
            if longer in taken:  # SO_REUSEPORT: several programs on the very same port
                longer = f"{longer}-{instance.program.product or len(taken)}"
            taken.setdefault(longer, Instance(longer, instance.sockets, instance.program, instance.root))
        out += taken.values()
    return out


def observe(found: list[Instance], device: str) -> list[Observation]:
    """Instances inside the device with this key."""
    return [Observation("SoftwareInstance", i.key, _attributes(i), parent=device) for i in found]


def _attributes(instance: Instance) -> dict[str, Attribute]:
    lowest = min(instance.sockets, key=lambda s: (s.protocol != "tcp", s.port))
    program, root = instance.program, instance.root
    name = program.product or lowest.protocol
    attributes: dict[str, Attribute] = {
        "name": name if instance.key == program.product else f"{name}:{lowest.port}",
        "listen": sorted({s.place for s in instance.sockets}),
    }
    optional = {
        "kind": program.kind,
        "product": program.product,
        "version": program.version,
        "command": scrub_text(_CHANGING.sub("", root.arguments[: 4 * MAX_COMMAND]))[:MAX_COMMAND] if root else "",
        "user": root.user if root else "",
    }
    return attributes | {k: v for k, v in optional.items() if v}


def sessions(connected: list[Socket], found: list[Instance], processes: Mapping[int, Process]) -> tuple[Session, ...]:
    """Established sessions with the instances of this host that they belong to."""
    listening = {(s.address, s.port): i.key for i in found for s in i.sockets if s.protocol == "tcp"}
    roots = {i.root.pid: i.key for i in found if i.root is not None}
    out = []
    for socket in connected:
        server = _listener(socket, listening)
        process = server if server is not None else _client(socket, roots, processes)
        out.append(
            Session(socket.address, socket.port, socket.far_address, socket.far_port, process or "", server is not None)
        )
    return tuple(dict.fromkeys(out))


def _listener(socket: Socket, listening: Mapping[tuple[str, int], str]) -> str | None:
    """The instance that a client of this host came to: the exact address counts before any wildcard."""
    places = ((socket.address, socket.port), (ANY[4], socket.port), (ANY[6], socket.port))
    return next((listening[place] for place in places if place in listening), None)


def _client(socket: Socket, roots: Mapping[int, str], processes: Mapping[int, Process]) -> str | None:
    """The instance that opened a session: its own process, or a child of the same program or the same unit."""
    for pid, _ in socket.holders:
        seen: set[int] = set()
        while pid not in seen:
            if pid in roots:
                return roots[pid]
            seen.add(pid)
            process = processes.get(pid)
            above = processes.get(process.parent) if process else None
            if process is None or above is None:
                break
            is_one_service = bool(process.unit) and process.unit == above.unit and not _is_login(process.unit)
            if not is_one_service and not _same_program(process, above):
                break
            pid = above.pid
    return None


def _is_login(unit: str) -> bool:
    """Units in which people work: what they start is none of the unit's."""
    return unit.startswith(("ssh", "sshd", "user@", "getty", "cron", "crond", "atd"))
