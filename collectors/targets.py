"""What the discovery loop visits: live agents and recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from cmdb.errors import CmdbError
from collectors.approaches import OverSnmp, Work
from collectors.discover import Approach
from collectors.scopes import TargetSpec
from collectors.transport.client import Client
from collectors.transport.credentials import Community, Secret, UsmUser
from collectors.transport.replay import RecordedTarget, open_replay
from collectors.transport.session import SnmpSession, TransportFailure

_PREFIX_BITS = {4: 24, 6: 64}


@dataclass(frozen=True)
class Means:
    """What live targets are asked with: one client a protocol for a whole run."""

    work: Work
    snmp: Client


@dataclass(frozen=True)
class LiveTarget:
    """A device on the network."""

    spec: TargetSpec
    means: Means

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
        return self.name in self.means.snmp.remembered

    @property
    def approaches(self) -> Sequence[Approach]:
        """SNMP where the scope names it."""
        return [OverSnmp(self.name, self.open, self.means.work)] if "snmp" in self.spec.protocols else []

    def open(self, budget_s: float) -> AbstractAsyncContextManager[SnmpSession]:
        """A session with the first SNMP credential that works."""
        spec = self.spec
        credentials = [c for c in spec.credentials if isinstance(c, Community | UsmUser)]
        return self.means.snmp.open(spec.name, spec.address, spec.port, credentials, budget_s, spec.exclude or ())

    def secrets(self) -> list[bytes]:
        """The secrets of all its SNMP credentials, so that a recording can be cleaned of them. Raises UsageError."""
        found: list[Secret | None] = []
        for credential in self.spec.credentials:
            if isinstance(credential, Community):
                found.append(credential.community)
            elif isinstance(credential, UsmUser):
                found += [credential.auth_secret, credential.priv_secret]
        return [secret.reveal() for secret in found if secret]


@dataclass(frozen=True)
class ReplayTarget:
    """A recorded agent."""

    recorded: RecordedTarget
    work: Work

    @property
    def name(self) -> str:
        """The target's name."""
        return self.recorded.name

    @property
    def address(self) -> str:
        """The address of `targets.tsv`, else ""."""
        return self.recorded.address

    subnet = ""
    expected = True

    @property
    def approaches(self) -> Sequence[Approach]:
        """What was recorded."""
        return [OverSnmp(self.name, self.open, self.work)]

    @asynccontextmanager
    async def open(self, budget_s: float) -> AsyncIterator[SnmpSession]:
        """A session that answers from the recording."""
        await asyncio.sleep(0)  # nothing else here ever waits: let others have their turn
        try:
            session = open_replay(self.recorded)
        except CmdbError as error:
            raise TransportFailure(self.name, "read", "UNDECODABLE", str(error)) from error
        yield session
