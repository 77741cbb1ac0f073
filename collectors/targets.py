"""What the discovery loop visits: live agents and recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import TypeVar

from cmdb.errors import CmdbError, NotFound
from collectors.approaches import OverSnmp, OverSsh, Work
from collectors.discover import Approach
from collectors.scopes import TargetSpec
from collectors.scopes_file import Protocol
from collectors.transport.client import Client
from collectors.transport.credentials import Community, Secret, SshLogin, UsmUser
from collectors.transport.host_answers import HostSession
from collectors.transport.host_replay import RecordedHost, open_host_replay
from collectors.transport.replay import RecordedTarget, open_replay
from collectors.transport.session import SnmpSession, TransportFailure
from collectors.transport.ssh import SshClient

_T = TypeVar("_T")
_PREFIX_BITS = {4: 24, 6: 64}


@dataclass(frozen=True)
class Means:
    """What live targets are asked with: one client a protocol for a whole run."""

    work: Work
    snmp: Client
    ssh: SshClient | None = None


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
        try:
            address = ip_address(self.spec.address)
        except ValueError:
            return ""
        if address.is_loopback:
            return ""
        return str(ip_network((address, _PREFIX_BITS[address.version]), strict=False))

    @property
    def expected(self) -> bool:
        """False for addresses of a range."""
        return self.spec.expected

    @property
    def is_remembered(self) -> bool:
        """Whether it answered to a credential in an earlier run."""
        ssh = self.means.ssh
        return self.name in self.means.snmp.remembered or (ssh is not None and self.name in ssh.remembered)

    @property
    def approaches(self) -> Sequence[Approach]:
        """What the scope names, SNMP first: it tells whether a login makes sense."""
        found: list[Approach] = []
        if self.speaks("snmp"):
            found.append(OverSnmp(self.name, self.open, self.means.work))
        if self.speaks("ssh") and self.means.ssh is not None:
            found.append(OverSsh(self.name, self.open_shell, self.means.work.clock))
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
        logins = [c for c in spec.credentials if isinstance(c, SshLogin)]
        return client.open(spec.name, spec.address, spec.ssh_port, logins, budget_s, spec.exclude or ())

    def secrets(self) -> list[bytes]:
        """The secrets of all its SNMP credentials, so that a recording can be cleaned of them. Raises UsageError."""
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
    """A recorded device: its agent, its shell, or both."""

    work: Work
    agent: RecordedTarget | None = None
    host: RecordedHost | None = None

    @property
    def name(self) -> str:
        """The target's name."""
        return next(r.name for r in (self.agent, self.host) if r is not None)

    @property
    def address(self) -> str:
        """The address of `targets.tsv`, else ""."""
        return next((r.address for r in (self.agent, self.host) if r is not None and r.address), "")

    subnet = ""
    expected = True

    @property
    def approaches(self) -> Sequence[Approach]:
        """What was recorded."""
        found: list[Approach] = [OverSnmp(self.name, self.open, self.work)] if self.agent else []
        return [*found, OverSsh(self.name, self.open_shell, self.work.clock)] if self.host else found

    @asynccontextmanager
    async def open(self, budget_s: float) -> AsyncIterator[SnmpSession]:
        """A session that answers from the recording."""
        await asyncio.sleep(0)  # nothing else here ever waits: let others have their turn
        try:
            session = open_replay(_recorded(self.agent))
        except CmdbError as error:
            raise TransportFailure(self.name, "read", "UNDECODABLE", str(error)) from error
        yield session

    @asynccontextmanager
    async def open_shell(self, budget_s: float) -> AsyncIterator[HostSession]:
        """A session that answers from the recording of a host."""
        await asyncio.sleep(0)
        try:
            session = open_host_replay(_recorded(self.host))
        except CmdbError as error:
            raise TransportFailure(self.name, "read", "UNDECODABLE", str(error)) from error
        yield session


def replay_targets(agents: Iterable[RecordedTarget], hosts: Iterable[RecordedHost], work: Work) -> list[ReplayTarget]:
    """One target for each name, in order of the names."""
    found = {agent.name: ReplayTarget(work, agent) for agent in agents}
    for host in hosts:
        found[host.name] = replace(found.get(host.name, ReplayTarget(work)), host=host)
    return [found[name] for name in sorted(found)]


def _recorded(recorded: _T | None) -> _T:
    if recorded is None:
        raise NotFound("nothing of this protocol was recorded")
    return recorded
