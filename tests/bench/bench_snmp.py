"""The SNMP transport beside net-snmp's walker and pysnmp: time of the processor, loss, sweeps, memory.

    python tests/bench/bench_snmp.py [walks] [devices] [flight] [sweep] [memory]

Each part runs in a process of its own, the agents in another one. The walker is left out where it is not installed.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from cmdb.entrypoints.discovery import Progress, discover_into, live
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.wiring import wired
from collectors.scopes import TargetSpec
from collectors.transport.answers import Oid, Outcome, Walk, dotted
from collectors.transport.client import Client
from collectors.transport.credentials import Community, Secret, SnmpCredential, UsmUser
from collectors.transport.snmp import LiveSession
from collectors.transport.sweep import Spot, Sweeping, sweep
from tests.bench.snmp_agents import COMMUNITY, IF_ENTRY, ROOTS, USER, agents

ROUNDS = 3  # devices for each client, in turn
DEVICES = 40
IN_FLIGHT = 500
SILENT = 65_000
PACKETS = 3  # for each of them: version 2c, and in the second round version 1, too
TARGETS = 10_000
IF_DESCR: Oid = (*IF_ENTRY, 2)
HERE = "127.0.0.1"


def credentials(folder: Path) -> tuple[Community, UsmUser]:
    """What the agents answer to."""
    for name, word in (("word", COMMUNITY.encode()), ("auth", USER.auth_secret), ("priv", USER.priv_secret)):
        (folder / name).write_bytes(word)
        (folder / name).chmod(0o600)
    known = UsmUser("user", USER.name, USER.auth, Secret("file:auth", folder), USER.priv, Secret("file:priv", folder))
    return Community("word", "v2c", Secret("file:word", folder)), known


def walks(folder: Path) -> None:
    """Varbinds per second of the processor: six tables of a heavy switch, 25 repetitions."""
    community, user = credentials(folder)
    walker = shutil.which("snmpbulkwalk")
    with agents("heavy", ROUNDS) as ports:
        clients: dict[str, Callable[[int], int]] = {
            "v2c, own decoder": lambda port: asyncio.run(_read(port, community)),
            "v3, pysnmp below": lambda port: asyncio.run(_read(port, user)),
            "pysnmp itself, v2c": lambda port: asyncio.run(_pysnmp(port)),
        }
        if walker:
            clients["snmpbulkwalk, v2c"] = lambda port: _net_snmp(walker, port, "-v2c", "-c", COMMUNITY)
            secrets = ("-A", "auth-secret-1", "-X", "priv-secret-1")
            words = ("-v3", "-l", "authPriv", "-u", USER.name, "-a", "SHA-256", "-x", "AES", *secrets)
            clients["snmpbulkwalk, v3"] = lambda port: _net_snmp(walker, port, *words)
        found = dict.fromkeys(clients, 0)
        spent = dict.fromkeys(clients, 0.0)
        for port in ports:
            for name, read in clients.items():
                started = _cpu()
                found[name] += read(port)
                spent[name] += _cpu() - started
    rates = {name: found[name] / spent[name] for name in clients}
    peer = rates.get("snmpbulkwalk, v2c")
    print(f"walks: {found['v2c, own decoder'] // ROUNDS:,} varbinds a device, {ROUNDS} devices for each client")
    for name, rate in rates.items():
        beside = f"   {rate / peer:6.3f} of snmpbulkwalk" if peer else ""
        print(f"  {name:<20} {rate:>10,.0f} varbinds per CPU second{beside}   ({found[name]:,} read)")
    print("  aim: own decoder 0.8, pysnmp below 0.05" if peer else "  snmpbulkwalk is not installed: no ratio")


def _cpu() -> float:
    """Seconds of the processor that this process and the children it has waited for have used."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


@asynccontextmanager
async def _session(port: int, credential: SnmpCredential, client: Client | None = None) -> AsyncIterator[LiveSession]:
    async with (client or Client()).open(str(port), HERE, port, [credential], 300.0) as session:
        yield session


async def _read(port: int, credential: SnmpCredential) -> int:
    async with _session(port, credential) as session:
        found = [await session.walk(root) for root in ROOTS]
    assert all(walk.outcome is Outcome.COMPLETE for walk in found)
    return sum(len(walk.varbinds) for walk in found)


async def _pysnmp(port: int, roots: Sequence[Oid] = ROOTS, engine: Any = None) -> int:
    """Walk with pysnmp's own client; gives the number of varbinds before whatever ends it."""
    from pysnmp.hlapi.v3arch import asyncio as hlapi

    mine = engine or hlapi.SnmpEngine()
    target = await hlapi.UdpTransportTarget.create((HERE, port), timeout=1, retries=5)
    count = 0
    for root in roots:
        start = hlapi.ObjectType(hlapi.ObjectIdentity(dotted(root)))
        async for indication, status, _, varbinds in hlapi.bulk_walk_cmd(
            mine, hlapi.CommunityData(COMMUNITY), target, hlapi.ContextData(), 0, 25, start,
            lookupMib=False, lexicographicMode=False,
        ):  # fmt: skip
            if indication or status:
                break
            count += len(varbinds)
    if engine is None:
        mine.close_dispatcher()
    return count


def _net_snmp(program: str, port: int, *words: str) -> int:
    """Six runs of the walker, without MIBs and names, which print to a file."""
    count = 0
    with tempfile.TemporaryFile() as out:
        for root in ROOTS:
            command = [program, *words, "-Cr25", "-On", "-m", "", f"{HERE}:{port}", dotted(root)]
            subprocess.run(command, stdout=out, check=True, env=os.environ | {"MIBS": ""})
        out.seek(0)
        count = sum(line.startswith(b".1.") for line in out)
    return count


def devices(folder: Path) -> None:
    """Heavy switches a minute and core, from the first packet to the graph."""
    community, _ = credentials(folder)
    settings = Settings(data_dir=folder / "data")
    with agents("heavy", DEVICES) as ports, wired(settings) as parts:
        specs = [TargetSpec(f"access-{n}", HERE, port, credentials=(community,)) for n, port in enumerate(ports)]
        progress = Progress(len(specs))
        with live(specs, settings) as targets:
            began, used = time.perf_counter(), time.process_time()
            asyncio.run(discover_into(parts, targets, progress, "bench", "bench", lambda: None))
            took, used = time.perf_counter() - began, time.process_time() - used
    states = ", ".join(f"{count} {state}" for state, count in progress.states.items())
    print(f"devices: {states}; {progress.changes:,} changes in {progress.commits} commits")
    print(f"  {60 * DEVICES / used:>8,.0f} heavy switches a minute and core   ({used / DEVICES * 1e3:.0f} ms each)")
    print(f"  {60 * DEVICES / took:>8,.0f} a minute in all, agents and engine on the same machine ({took:.1f} s)")


def flight(folder: Path) -> None:
    """Walks in flight at the same time, and what is lost of them."""
    community, _ = credentials(folder)
    with agents("light", IN_FLIGHT) as ports:
        began = time.perf_counter()
        found = asyncio.run(_together(ports, community))
        took = time.perf_counter() - began
        peer = asyncio.run(_pysnmp_together(ports))
    expected = 24 * IN_FLIGHT
    lost = expected - sum(len(walk.varbinds) for walk in found)
    print(f"flight: {IN_FLIGHT} walks at the same time, {expected:,} varbinds")
    print(
        f"  own client    {lost:>7,} lost   {took:.1f} s; {sum(w.outcome is Outcome.COMPLETE for w in found)} complete"
    )
    print(f"  pysnmp        {expected - peer:>7,} lost   (one socket for all, as it comes)")


async def _together(ports: Sequence[int], credential: SnmpCredential) -> list[Walk]:
    client, ready = Client(), asyncio.Barrier(len(ports))
    opening, walking = asyncio.Semaphore(200), asyncio.Semaphore(IN_FLIGHT)

    async def walk(port: int) -> Walk:
        async with AsyncExitStack() as stack:
            async with opening:
                session = await stack.enter_async_context(_session(port, credential, client))
            await ready.wait()
            async with walking:
                found = await session.walk(IF_DESCR)
            await ready.wait()
            return found

    return await asyncio.gather(*map(walk, ports))


async def _pysnmp_together(ports: Sequence[int]) -> int:
    from pysnmp.hlapi.v3arch import asyncio as hlapi

    engine = hlapi.SnmpEngine()
    found = await asyncio.gather(*(_pysnmp(port, [IF_DESCR], engine) for port in ports))
    engine.close_dispatcher()
    return sum(found)


def silence(folder: Path) -> None:
    """A sweep of addresses at which nobody is, beside a bare loop that sends as many packets."""
    community, _ = credentials(folder)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    spots = [Spot(f"127.{66 + n // 65_536}.{n // 256 % 256}.{n % 256}", port) for n in range(SILENT)]
    sweeping = Sweeping(packets_per_s=15_000, rounds=2, wait_s=1.0)
    began, used = time.perf_counter(), time.process_time()
    heard = asyncio.run(sweep([(spot, [community]) for spot in spots], sweeping))
    took, used = time.perf_counter() - began, time.process_time() - used
    bare = time.process_time()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(PACKETS):
            for spot in spots:
                sock.sendto(b"x" * 43, spot)
    bare = time.process_time() - bare
    print(f"sweep: {SILENT:,} silent addresses, {PACKETS * SILENT:,} packets, {sweeping.packets_per_s:,} a second")
    print(f"  {took:.1f} s (aim: below 20), {len(heard)} heard")
    print(f"  {used:.2f} s of the processor, {used / bare:.1f} times a bare loop of sendto ({bare:.2f} s)")


def memory(folder: Path) -> None:
    """What targets cost while all of them are asked at the same time."""
    community, _ = credentials(folder)
    with agents("light", TARGETS) as ports:
        sessions = _rss()
        specs = [TargetSpec(f"access-{n}", HERE, port, credentials=(community,)) for n, port in enumerate(ports)]
        with live(specs, Settings(data_dir=folder)) as targets:
            made = _rss()
            found = asyncio.run(_together(ports, community))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            whole = sum(walk.outcome is Outcome.COMPLETE for walk in found)
            print(f"memory: {len(targets):,} targets, {whole:,} walks complete")
    print(f"  {made - sessions:>7.1f} MB for the targets")
    print(f"  {peak - made:>7.1f} MB for as many sessions with a walk of 24 rows, all open at the same time")
    print(f"  {peak:>7.1f} MB at most in all")


def _rss() -> float:
    """Memory in use now, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


PARTS = {"walks": walks, "devices": devices, "flight": flight, "sweep": silence, "memory": memory}


def main() -> None:
    chosen = sys.argv[1:]
    if len(chosen) == 1:
        warnings.simplefilter("ignore")  # pysnmp's client calls the MIB compiler by old names
        with tempfile.TemporaryDirectory() as folder:
            PARTS[chosen[0]](Path(folder))
        return
    for name in chosen or PARTS:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
