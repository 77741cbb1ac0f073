"""What the rest of the program sees of an agent: a session that answers GETs and walks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from cmdb.errors import Unreachable
from collectors.transport.answers import Oid, Varbind, Walk

Stage = Literal["resolve", "probe", "auth", "read", "interpret"]
Reason = Literal[
    "TIMEOUT",  # nothing came
    "REFUSED",  # the host says that nobody listens there, or that there is no way
    "UNKNOWN_HOST",
    "EXCLUDED",  # a host name leads to an address that its scope excludes
    "WRONG_CREDENTIAL",  # the agent said so (version 3)
    "DENIED",
    "UNDECODABLE",
    "NO_CREDENTIAL",
    "CIRCUIT_OPEN",  # other devices refused this password: it is not tried any more in this run
    "HOST_KEY_UNKNOWN",
    "HOST_KEY_CHANGED",
    "NO_SHELL",  # logged in, and no shell ran what it was given
    "UNKNOWN_PLATFORM",  # logged in, and nothing here understands its command line
    "BUDGET",  # the time for one device was used up
    "INTERNAL",  # a fault of this program
]


class TransportFailure(Unreachable):
    """A target could not be reached or read; the one way a transport says so."""

    def __init__(self, target: str, stage: Stage, reason: Reason, detail: str) -> None:
        self.target, self.stage, self.reason, self.detail = target, stage, reason, detail
        super().__init__(f"{target}: {stage}: {reason}: {detail}")


class SnmpSession(Protocol):
    """One agent, in one SNMP context, with a credential that works. Not for use by several tasks at once."""

    @property
    def target(self) -> str:
        """Name of the target."""

    @property
    def address(self) -> str:
        """IP address that is asked; "" where it is not known."""

    async def get(self, oids: Sequence[Oid]) -> dict[Oid, Varbind]:
        """Read instances; what the agent does not have is absent. Raises TransportFailure when it does not answer."""

    async def walk(self, root: Oid) -> Walk:
        """Read all instances below `root`; whatever the device does is told by the outcome, never raised."""

    def context(self, name: str) -> SnmpSession:
        """The same agent in another context: community `public@<name>`, or version 3 context `<name>`.

        A VLAN's is `vlan-10` in version 3 and `10` in communities; give `vlan-10`.
        """
