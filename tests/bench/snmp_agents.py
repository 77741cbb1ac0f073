"""SNMP agents in a process of their own, so that the time they take is not the client's.

    python -m tests.bench.snmp_agents KIND COUNT

prints the ports of as many agents on 127.0.0.1, and answers until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from collectors.responders.agent import Agent, User
from collectors.responders.ber import Oid
from collectors.responders.mib import Entry, Mib
from collectors.responders.serve import serve

COMMUNITY, USER = "watch-1", User("observer", "SHA-256", b"auth-secret-1", "AES-128", b"priv-secret-1")
INTEGER, OCTETS, OID, IP_ADDRESS, COUNTER, GAUGE, TICKS, COUNTER64 = 2, 4, 6, 64, 65, 66, 67, 70

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
IF_ENTRY: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_X_ENTRY: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
ARP: Oid = (1, 3, 6, 1, 2, 1, 4, 22, 1)
ENTITIES: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
LLDP: Oid = (1, 0, 8802, 1, 1, 2, 1, 4, 1, 1)
BRIDGE: Oid = (1, 3, 6, 1, 2, 1, 17)
ROOTS = (SYSTEM, IF_ENTRY, IF_X_ENTRY, LLDP, ENTITIES, ARP)

PORTS, MEMBERS, NEIGHBOURS, HOSTS = 192, 4, 48, 300


def heavy(number: int) -> Mib:
    """A stack of four switches with 192 ports, all modules, neighbours, ARP and forwarding entries."""
    made = [*_system(number), *_interfaces(number, PORTS), *_entities(number)]
    made += [*_neighbours(number), *_hosts(number), *_forwarded(number)]
    return Mib(made)


def light(number: int) -> Mib:
    """A switch with 24 ports and nothing else."""
    return Mib([*_system(number), *_interfaces(number, 24)])


def _system(number: int) -> Iterator[Entry]:
    descr = b"Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc3)"
    yield Entry((*SYSTEM, 1, 0), OCTETS, descr)
    yield Entry((*SYSTEM, 2, 0), OID, "1.3.6.1.4.1.9.1.1208")
    yield Entry((*SYSTEM, 3, 0), TICKS, 123_456_789)
    yield Entry((*SYSTEM, 5, 0), OCTETS, b"access-%d.example.net" % number)
    yield Entry((*SYSTEM, 6, 0), OCTETS, b"plant 1, hall %d" % number)
    yield Entry((*SYSTEM, 7, 0), INTEGER, 6)


def _mac(number: int, part: int) -> bytes:
    return bytes((0x00, 0x1D, 0xE5)) + (number << 10 | part).to_bytes(3, "big")


def _interfaces(number: int, ports: int) -> Iterator[Entry]:
    for port in range(1, ports + 1):
        member, place = (port - 1) // 48 + 1, (port - 1) % 48 + 1
        index = 10_000 + 100 * member + place
        plain = {1: index, 3: 6, 4: 1500, 7: 1, 8: 1 + port % 2, 19: 0, 20: 0}
        for column, value in plain.items():
            yield Entry((*IF_ENTRY, column, index), INTEGER, value)
        yield Entry((*IF_ENTRY, 2, index), OCTETS, b"GigabitEthernet%d/0/%d" % (member, place))
        yield Entry((*IF_ENTRY, 5, index), GAUGE, 1_000_000_000)
        yield Entry((*IF_ENTRY, 6, index), OCTETS, _mac(number, port))
        yield Entry((*IF_ENTRY, 9, index), TICKS, 4200)
        for column in (10, 11, 13, 14, 16, 17):
            yield Entry((*IF_ENTRY, column, index), COUNTER, 3_000_000_000 + port)
        yield Entry((*IF_X_ENTRY, 1, index), OCTETS, b"Gi%d/0/%d" % (member, place))
        for column in (6, 7, 8, 10, 11, 12):
            yield Entry((*IF_X_ENTRY, column, index), COUNTER64, 30_000_000_000 + port)
        yield Entry((*IF_X_ENTRY, 15, index), GAUGE, 1000)
        yield Entry((*IF_X_ENTRY, 17, index), INTEGER, 1)
        yield Entry((*IF_X_ENTRY, 18, index), OCTETS, b"to desk %d" % port)


def _entities(number: int) -> Iterator[Entry]:
    rows = [(1, 0, 11, b"stack", b"")]
    for member in range(1, MEMBERS + 1):
        chassis = 1000 * member
        rows.append((chassis, 1, 3, b"C2960X-48", b"FOC%05dX%dAB" % (number, member)))
        rows += [(chassis + n, chassis, 6, b"power supply", b"PSU%05dX%d%d" % (number, member, n)) for n in (1, 2)]
        rows += [(chassis + 10 + n, chassis, 9, b"SFP", b"SFP%05dX%d%02d" % (number, member, n)) for n in range(12)]
        rows += [(chassis + 100 + n, chassis, 10, b"port", b"") for n in range(48)]
    for index, parent, kind, descr, serial in rows:
        for column, value in ((4, parent), (5, kind), (6, index % 1000)):
            yield Entry((*ENTITIES, column, index), INTEGER, value)
        texts = {2: descr, 7: b"%s %d" % (descr, index), 8: b"V02", 9: b"", 10: b"15.2(7)E3", 11: serial, 13: b"X-48"}
        for column, text in texts.items():
            yield Entry((*ENTITIES, column, index), OCTETS, text)


def _neighbours(number: int) -> Iterator[Entry]:
    for n in range(1, NEIGHBOURS + 1):
        index = (0, n, 1)
        for column, value in ((4, 4), (6, 5)):
            yield Entry((*LLDP, column, *index), INTEGER, value)
        texts = {5: _mac(number + 1, 500 + n), 7: b"Gi0/1", 8: b"uplink", 9: b"edge-%d-%d" % (number, n), 10: b"switch"}
        texts |= {11: b"\x28", 12: b"\x20"}
        for column, text in texts.items():
            yield Entry((*LLDP, column, *index), OCTETS, text)


def _hosts(number: int) -> Iterator[Entry]:
    for n in range(HOSTS):
        index = (10_101, 10, number % 250, 1 + n // 250, 1 + n % 250)
        yield Entry((*ARP, 1, *index), INTEGER, index[0])
        yield Entry((*ARP, 2, *index), OCTETS, _mac(number + 2, n))
        yield Entry((*ARP, 3, *index), IP_ADDRESS, ".".join(map(str, index[1:])))
        yield Entry((*ARP, 4, *index), INTEGER, 3)


def _forwarded(number: int) -> Iterator[Entry]:
    yield Entry((*BRIDGE, 1, 1, 0), OCTETS, _mac(number, 0))
    for port in range(1, PORTS + 1):
        member, place = (port - 1) // 48 + 1, (port - 1) % 48 + 1
        yield Entry((*BRIDGE, 1, 4, 1, 2, port), INTEGER, 10_000 + 100 * member + place)
    for n in range(HOSTS):
        mac = _mac(number + 2, n)
        yield Entry((*BRIDGE, 7, 1, 2, 2, 1, 2, 10, *mac), INTEGER, 1 + n % PORTS)
        yield Entry((*BRIDGE, 7, 1, 2, 2, 1, 3, 10, *mac), INTEGER, 3)


@contextmanager
def agents(kind: str, count: int) -> Iterator[list[int]]:
    """Ports of agents that run in another process until the end of the block."""
    arguments = [sys.executable, "-m", "tests.bench.snmp_agents", kind, str(count)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def answer(made: Iterable[Mib]) -> None:
    """Serve until the input ends."""
    engines = (b"\x80\x00\x1f\x88\x80" + n.to_bytes(4, "big") for n in range(1 << 20))
    served = {
        str(n): Agent(mib, (COMMUNITY,), (USER,), engine)
        for n, (mib, engine) in enumerate(zip(made, engines, strict=False))
    }
    async with serve(served) as running:
        print(json.dumps([at.port for at in running.values()]), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    kind, count = sys.argv[1], int(sys.argv[2])
    if kind == "heavy":
        asyncio.run(answer(heavy(n) for n in range(count)))
    else:
        asyncio.run(answer([light(1)] * count))
