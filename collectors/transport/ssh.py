"""Opens sessions on hosts over SSH: finds the credential that works, and runs scripts."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Container, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from collectors.transport.answers import Outcome
from collectors.transport.credentials import SshLogin
from collectors.transport.host_answers import HostAnswers, Script
from collectors.transport.host_script import compose, has_begun, is_finished, split
from collectors.transport.hostkeys import HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.session import TransportFailure
from collectors.transport.ssh_login import Visit, in_order, locate
from collectors.transport.ssh_socket import SshLimits
from collectors.transport.ssh_wire import Output
from collectors.transport.threads import Threads

SHELL = "exec sh"  # any login shell can start it; the script itself comes on standard input

_SHOWN = 80  # characters of an answer that is no answer


@dataclass
class SshClient:
    """Opens sessions for one run (one event loop).

    `remembered` maps names of targets to names of the credentials that worked; those are tried first. Keys come before
    passwords, and agents and keys of the account that this program runs as are never offered.
    """

    host_keys: HostKeys
    limits: SshLimits = field(default_factory=SshLimits)
    remembered: MutableMapping[str, str] = field(default_factory=dict)
    lockout: Lockout = field(default_factory=Lockout)
    threads: Threads = field(default_factory=lambda: Threads(64, "ssh"))

    @asynccontextmanager
    async def open(
        self,
        target: str,
        address: str,
        port: int,
        credentials: Sequence[SshLogin],
        budget_s: float,
        exclude: Container[str] = (),
    ) -> AsyncIterator[SshSession]:
        """A session with the host at `address`, as the first credential that it takes.

        Everything ends `budget_s` seconds from now. Addresses in `exclude` are left alone, also where a name leads to
        one. Raises TransportFailure.
        """
        deadline = time.monotonic() + budget_s
        order = in_order(target, credentials, self.remembered)
        place = await locate(target, address, port, exclude)
        visit = Visit(target, address, place, self.limits, deadline)
        try:
            credential = await self.threads.run(lambda: visit.login(order, self), visit.close)
            self.remembered[target] = credential.name
            yield SshSession(self, visit, credential)
        finally:
            visit.close()

    def close(self) -> None:
        """Let the threads go; safe to repeat."""
        self.threads.close()


class SshSession:
    """One host, logged in."""

    def __init__(self, client: SshClient, visit: Visit, credential: SshLogin) -> None:
        self._client, self._visit, self._credential = client, visit, credential

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._visit.target

    @property
    def address(self) -> str:
        """IP address that is asked."""
        return self._visit.place.address

    async def run(self, script: Script) -> HostAnswers:
        """Run a script in one channel. Raises TransportFailure where no shell ran it."""
        marker = f"cmdb-{secrets.token_hex(16)}"
        given = compose(script, marker, self._credential.sudo)
        output = await self._client.threads.run(
            lambda: self._visit.wire.run(SHELL, given, lambda out, err: is_finished(out, err, marker)),
            self._visit.close,
        )
        if not has_begun(output.stdout, marker):
            raise TransportFailure(self.target, "read", "NO_SHELL", _no_shell(output))
        sections = split(script, marker, output.stdout, output.stderr)
        if not output.cut and is_finished(output.stdout, output.stderr, marker):
            return HostAnswers(sections)
        cut = output.cut or "the shell ended before the script did"
        outcome = Outcome.TIMEOUT if "time" in cut else Outcome.CUT if "bytes" in cut else Outcome.PARTIAL
        return HostAnswers(sections, outcome, cut)


def _no_shell(output: Output) -> str:
    said = (output.stdout or output.stderr).decode("utf-8", "replace")
    shown = " ".join(said.split())[:_SHOWN]
    why = output.cut or "the login ended"
    return f"logged in, and no POSIX shell ran the script ({why})" + (f"; it said: {shown!r}" if shown else "")
