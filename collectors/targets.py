"""What the discovery loop visits: live agents and recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from cmdb.errors import CmdbError, NotFound
from collectors.approaches import OverCli, OverSnmp, OverSsh, Work
from collectors.discover import Approach
from collectors.ranges import subnet_of
from collectors.scopes import TargetSpec
from collectors.scopes_file import Protocol
from collectors.transport.client import Client
from collectors.transport.commands_recording import HOST, RecordedCommands
from collectors.transport.credentials import Community, Secret, SshLogin, UsmUser
from collectors.transport.greeting import greeting
from collectors.transport.host_answers import HostSession
from collectors.transport.host_replay import open_host_replay
from collectors.transport.network_cli import CliClient, NetworkSession
from collectors.transport.network_replay import open_cli_replay
from collectors.transport.replay import RecordedTarget, open_replay
from collectors.transport.session import SnmpSession, TransportFailure
from collectors.transport.ssh import SshClient
from collectors.way_in import Door, RecordedDoor

_T = TypeVar("_T")


@dataclass(frozen=True)
class Means:
    """What live targets are asked with: one client a protocol for a whole run. Close them at its end."""

    work: Work
    snmp: Client
    ssh: SshClient | None = None
    cli: CliClient | None = None

    def close(self) -> None:
        """Let the threads of the clients go; safe to repeat."""
        for client in (self.ssh, self.cli):
            if client is not None:
                client.close()


@dataclass(frozen=True)
class LiveTarget:
    """A device on the network."""

    spec: TargetSpec
    means: Means
    silent: frozenset[str] = frozenset()  # protocols that nobody was heard to speak here

    @property
    def name(self) -> str:
        """The target's name."""
        return self.spec.name

    @property
    def address(self) -> str:
        """Address or host name."""
        return self.spec.address

    @property
    def subnet(self) -> str:
        """The /24 or /64 that the address lies in; host names and loopback have none."""
        return subnet_of(self.spec.address)

    @property
    def expected(self) -> bool:
        """False for addresses of a range."""
        return self.spec.expected

    @property
    def is_remembered(self) -> bool:
        """Whether it answered to a credential in an earlier run."""
        means = self.means
        return any(self.name in c.remembered for c in (means.snmp, means.ssh, means.cli) if c is not None)

    @property
    def worked(self) -> tuple[str, str]:
        """Names of the SNMP and SSH credentials that it answered to; "" where none is known."""
        logins = [c.remembered.get(self.name, "") for c in (self.means.ssh, self.means.cli) if c is not None]
        return self.means.snmp.remembered.get(self.name, ""), next(filter(None, logins), "")

    @property
    def approaches(self) -> Sequence[Approach]:
        """What the scope names, SNMP first: it tells whether a login makes sense."""
        means = self.means
        door = Door(self.spec.protocols, self.greeting)
        found: list[Approach] = []
        if self.speaks("snmp"):
            found.append(OverSnmp(self.name, self.open, means.work))
        if self.speaks("netmiko") and means.cli is not None:
            beside_snmp = "snmp" in self.spec.protocols
            found.append(OverCli(self.name, self.open_cli, means.work.clock, door, beside_snmp))
        if self.speaks("ssh") and means.ssh is not None:
            found.append(OverSsh(self.name, self.open_shell, means.work.clock, door))
        return found

    def speaks(self, protocol: Protocol) -> bool:
        """Whether to ask by a protocol: its scope names it, and it is not known to be silent."""
        return protocol in self.spec.protocols and protocol not in self.silent

    def open(self, budget_s: float) -> AbstractAsyncContextManager[SnmpSession]:
        """A session with the first SNMP credential that works."""
        spec = self.spec
        credentials = [c for c in spec.credentials if isinstance(c, Community | UsmUser)]
        return self.means.snmp.open(spec.name, spec.address, spec.port, credentials, budget_s, spec.exclude or ())

    def open_shell(self, budget_s: float) -> AbstractAsyncContextManager[HostSession]:
        """A session with the first SSH credential that works."""
        spec, client = self.spec, self.means.ssh
        if client is None:
            raise TransportFailure(self.name, "probe", "NO_CREDENTIAL", "this run does not log in anywhere")
        return client.open(spec.name, spec.address, spec.ssh_port, self._logins(), budget_s, spec.exclude or ())

    def open_cli(self, platform: str, budget_s: float) -> AbstractAsyncContextManager[NetworkSession]:
        """A command line of a platform, as the first SSH credential that works."""
        spec, client = self.spec, self.means.cli
        if client is None:
            raise TransportFailure(self.name, "probe", "NO_CREDENTIAL", "this run does not log in anywhere")
        where = (spec.name, spec.address, spec.ssh_port)
        return client.open(*where, self._logins(), platform, budget_s, spec.exclude or ())

    async def greeting(self) -> str:
        """How its SSH server greets; "" where nobody does, or nobody could log in anyway."""
        spec = self.spec
        return await greeting(spec.name, spec.address, spec.ssh_port, spec.exclude or ()) if self._logins() else ""

    def _logins(self) -> list[SshLogin]:
        return [c for c in self.spec.credentials if isinstance(c, SshLogin)]

    def secrets(self) -> list[bytes]:
        """The secrets of all its credentials, so that a recording can be cleaned of them. Raises UsageError."""
        found: list[Secret | None] = []
        for credential in self.spec.credentials:
            if isinstance(credential, Community):
                found.append(credential.community)
            elif isinstance(credential, UsmUser):
                found += [credential.auth_secret, credential.priv_secret]
            else:
                found.append(credential.password)
        return [secret.reveal() for secret in found if secret]


@dataclass(frozen=True)
class ReplayTarget:
    """A recorded device: its agent, its shell or command line, or both."""

    work: Work
    agent: RecordedTarget | None = None
    commands: RecordedCommands | None = None

    @property
    def name(self) -> str:
        """The target's name."""
        return next(r.name for r in (self.agent, self.commands) if r is not None)

    @property
    def address(self) -> str:
        """The address of `targets.tsv`, else ""."""
        return next((r.address for r in (self.agent, self.commands) if r is not None and r.address), "")

    subnet = ""
    expected = True

    @property
    def approaches(self) -> Sequence[Approach]:
        """What was recorded."""
        found: list[Approach] = [OverSnmp(self.name, self.open, self.work)] if self.agent else []
        if self.commands is None:
            return found
        if self.commands.platform == HOST:
            return [*found, OverSsh(self.name, self.open_shell, self.work.clock, RecordedDoor("shell"))]
        door = RecordedDoor("command line")
        return [*found, OverCli(self.name, self.open_cli, self.work.clock, door, self.agent is not None)]

    @asynccontextmanager
    async def open(self, budget_s: float) -> AsyncIterator[SnmpSession]:
        """A session that answers from the recording."""
        yield await self._opened(lambda: open_replay(_recorded(self.agent)))

    @asynccontextmanager
    async def open_shell(self, budget_s: float) -> AsyncIterator[HostSession]:
        """A session that answers from the recording of a host."""
        yield await self._opened(lambda: open_host_replay(_recorded(self.commands)))

    @asynccontextmanager
    async def open_cli(self, platform: str, budget_s: float) -> AsyncIterator[NetworkSession]:
        """A command line that answers from the recording, whose platform counts."""
        yield await self._opened(lambda: open_cli_replay(_recorded(self.commands)))

    async def _opened(self, open_it: Callable[[], _T]) -> _T:
        await asyncio.sleep(0)  # nothing else here ever waits: let others have their turn
        try:
            return open_it()
        except CmdbError as error:
            raise TransportFailure(self.name, "read", "UNDECODABLE", str(error)) from error


def replay_targets(
    agents: Iterable[RecordedTarget], commands: Iterable[RecordedCommands], work: Work
) -> list[ReplayTarget]:
    """One target for each name, in order of the names."""
    found = {agent.name: ReplayTarget(work, agent) for agent in agents}
    for one in commands:
        found[one.name] = replace(found.get(one.name, ReplayTarget(work)), commands=one)
    return [found[name] for name in sorted(found)]


def _recorded(recorded: _T | None) -> _T:
    if recorded is None:
        raise NotFound("nothing of this protocol was recorded")
    return recorded
