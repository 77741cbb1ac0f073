"""Agents and sessions for tests of the transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from collectors.responders.agent import Agent, Faults, User
from collectors.responders.mib import Entry, Mib
from collectors.responders.serve import serve
from collectors.transport.client import Client, Probing
from collectors.transport.credentials import Auth, Community, CommunityVersion, Priv, Secret, SnmpCredential, UsmUser
from collectors.transport.pace import Timing
from collectors.transport.snmp import Limits, LiveSession

SYS_DESCR = (1, 3, 6, 1, 2, 1, 1, 1, 0)
SYS_OBJECT_ID = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SYS_UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
IF_ENTRY = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_DESCR = (*IF_ENTRY, 2)
IF_IN_OCTETS = (*IF_ENTRY, 10)
IF_MTU = (*IF_ENTRY, 4)
ROWS = 60
ENGINE_ID = bytes.fromhex("80001f8880a1b2c3d4e5f6")
SECRETS = {"community": "watch-1", "auth": "auth-secret-1", "priv": "priv-secret-1", "wrong": "wrong-secret-1"}

HASTY = Limits(timing=Timing(first_s=0.15, least_s=0.1, most_s=0.3, patience_s=0.6, attempts=8))
PATIENT = Limits(timing=Timing(first_s=0.2, least_s=0.05, most_s=0.4, patience_s=8.0, attempts=20))
QUICK = Probing(waits=(0.2, 0.2), grace_s=0.1)


def mib(rows: int = ROWS) -> Mib:
    entries = [
        Entry(SYS_DESCR, 4, b"switch"),
        Entry(SYS_OBJECT_ID, 6, "1.3.6.1.4.1.9.1.1"),
        Entry(SYS_UP_TIME, 67, 4200),
    ]
    for row in range(1, rows + 1):
        entries += [Entry((*IF_DESCR, row), 4, b"port %d" % row), Entry((*IF_MTU, row), 2, 1500)]
        entries.append(Entry((*IF_IN_OCTETS, row), 65, 0xFFFFFFFF))
    return Mib(entries)


def secret(folder: Path, name: str) -> Secret:
    """A reference to one of SECRETS, in a file of mode 0600."""
    path = folder / name
    if not path.exists():
        path.write_text(SECRETS[name], "utf-8")
        path.chmod(0o600)
    return Secret(f"file:{name}", folder)


def community(folder: Path, word: str = "community", version: CommunityVersion = "v2c") -> Community:
    return Community(f"{version}-{word}", version, secret(folder, word))


def user(
    folder: Path, name: str, auth: Auth | None = None, priv: Priv | None = None, auth_file: str = "auth"
) -> UsmUser:
    return UsmUser(
        f"v3-{name}",
        name,
        auth,
        secret(folder, auth_file) if auth else None,
        priv,
        secret(folder, "priv") if priv else None,
    )


def agent(faults: Faults | None = None, users: Sequence[User] = (), rows: int = ROWS, **more: object) -> Agent:
    options: dict[str, object] = {"mib": mib(rows), "communities": ("watch-1",), "engine_id": ENGINE_ID, **more}
    return Agent(faults=faults, users=tuple(users), **options)  # type: ignore[arg-type]  # a table of options


@asynccontextmanager
async def session_with(
    served: Agent, credentials: Sequence[SnmpCredential], limits: Limits = HASTY, budget_s: float = 30.0
) -> AsyncIterator[LiveSession]:
    """A live session with an agent that runs in this loop."""
    async with serve({"agent": served}) as running:
        client = Client(limits=limits, probing=QUICK)
        async with client.open("agent", "127.0.0.1", running["agent"].port, credentials, budget_s) as session:
            yield session
