"""Opens sessions on hosts over SSH: finds the credential that works, and runs scripts."""

from __future__ import annotations

import asyncio
import secrets
import stat
import threading
import time
from collections.abc import AsyncIterator, Callable, Container, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import paramiko

from cmdb.errors import CmdbError, UsageError
from collectors.transport.answers import Outcome
from collectors.transport.credentials import SshLogin
from collectors.transport.host_answers import HostAnswers, Script
from collectors.transport.host_script import compose, has_begun, is_finished, split
from collectors.transport.hostkeys import HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.session import Reason, TransportFailure
from collectors.transport.ssh_wire import Output, SshLimits, Wire
from collectors.transport.udp import Place, resolve

SSH_PORT = 22
SHELL = "exec sh"  # any login shell can start it; the script itself comes on standard input

_T = TypeVar("_T")
_SHOWN = 80  # characters of an answer that is no answer


@dataclass(frozen=True)
class _Refusal:
    """Why one credential did not open a host."""

    credential: str
    reason: Reason
    detail: str


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
    threads: int = 64
    _pool: ThreadPoolExecutor | None = None
    _keys: dict[str, paramiko.PKey] = field(default_factory=dict)
    _key_lock: threading.Lock = field(default_factory=threading.Lock)

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
        if not credentials:
            raise TransportFailure(target, "probe", "NO_CREDENTIAL", "no SSH credential is bound to its scope")
        deadline = time.monotonic() + budget_s
        place = await _resolve(target, address, port)
        if place.address in exclude:
            raise TransportFailure(
                target, "resolve", "EXCLUDED", f"{address} is {place.address}, which its scope excludes"
            )
        visit = _Visit(self, target, tuple(dict.fromkeys((address, place.address))), place, deadline)
        try:
            credential = await self._in_thread(lambda: visit.login(self._order(target, credentials)), visit.close)
            self.remembered[target] = credential.name
            yield SshSession(self, visit, credential)
        finally:
            visit.close()

    def close(self) -> None:
        """Let the threads go; safe to repeat."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def key_of(self, credential: SshLogin) -> paramiko.PKey:
        """The private key of a credential, read once. Raises UsageError without a word of its contents."""
        if credential.key_file is None:
            raise UsageError(f"the credential {credential.name} has no key file")
        with self._key_lock:
            known = self._keys.get(str(credential.key_file))
            return known or self._keys.setdefault(str(credential.key_file), _read_key(credential.key_file))

    def _order(self, target: str, credentials: Sequence[SshLogin]) -> list[SshLogin]:
        first = self.remembered.get(target)
        return sorted(credentials, key=lambda c: (c.name != first, c.key_file is None))

    async def _in_thread(self, work: Callable[[], _T], give_up: Callable[[], None]) -> _T:
        """Run blocking work; where the waiting task is cancelled, `give_up` makes the work end soon."""
        self._pool = self._pool or ThreadPoolExecutor(self.threads, thread_name_prefix="ssh")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except asyncio.CancelledError:
            give_up()
            raise


def _read_key(path: Path) -> paramiko.PKey:
    """A private key. Raises UsageError: whatever a parser says about it may quote it, so that is not repeated."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(f"the key file {path} can't be read: {error.strerror}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"the key file {path} can be read by others; chmod 600 {path}")
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        raise UsageError(f"the key file {path} can't be read: {error.strerror}") from error
    except (paramiko.PasswordRequiredException, TypeError) as error:
        raise UsageError(f"the key file {path} needs a pass phrase; give one without") from error
    except Exception as error:
        raise UsageError(f"the key file {path} holds no private key that is understood") from error


class _Visit:
    """The connections to one host, one after the other: a server takes one user only on each."""

    def __init__(self, client: SshClient, target: str, names: tuple[str, ...], place: Place, deadline: float) -> None:
        self._client, self.target, self._names, self.place, self._deadline = client, target, names, place, deadline
        self._wire: Wire | None = None
        self._is_closed = False

    def close(self) -> None:
        self._is_closed = True
        if self._wire is not None:
            self._wire.close()

    def login(self, order: Sequence[SshLogin]) -> SshLogin:
        """Try credentials in their order; raises TransportFailure that says how each of them failed."""
        refused: list[_Refusal] = []
        for credential in order:
            refusal = self._try(credential)
            if refusal is None:
                return credential
            refused.append(refusal)
        ranking: tuple[Reason, ...] = ("WRONG_CREDENTIAL", "CIRCUIT_OPEN", "DENIED", "NO_CREDENTIAL")
        worst = min(refused, key=lambda r: ranking.index(r.reason))
        detail = "; ".join(f"{r.credential}: {r.detail}" for r in refused)
        raise TransportFailure(self.target, "auth", worst.reason, detail)

    def run(self, given: bytes, is_done: Callable[[bytes, bytes], bool]) -> Output:
        """Run a script in a channel of its own."""
        if self._wire is None:
            raise TransportFailure(self.target, "read", "NO_SHELL", "not logged in")
        return self._wire.run(SHELL, given, is_done)

    def _try(self, credential: SshLogin) -> _Refusal | None:
        try:
            if credential.key_file is not None:
                key = self._client.key_of(credential)
                worked = self._connected(credential.user).login_with_key(credential.user, key)
                return None if worked else _Refusal(credential.name, "WRONG_CREDENTIAL", "the key is refused")
            if credential.password is None:
                return _Refusal(credential.name, "NO_CREDENTIAL", "it has neither a key nor a password")
            return self._try_password(credential, credential.password.reveal().decode("utf-8", "surrogateescape"))
        except UsageError as error:
            return _Refusal(credential.name, "NO_CREDENTIAL", str(error))

    def _try_password(self, credential: SshLogin, password: str) -> _Refusal | None:
        wire = self._connected(credential.user)
        methods = wire.methods(credential.user)
        if not {"password", "keyboard-interactive"} & set(methods):
            return _Refusal(credential.name, "DENIED", "the host takes no passwords")
        lockout, device = self._client.lockout, f"{self.place.address} {self.place.port}"
        wait_s = max(0.0, self._deadline - time.monotonic())
        against = lockout.begin(credential.name, credential.user, device, wait_s)
        if against:
            return _Refusal(credential.name, "CIRCUIT_OPEN", against)
        worked: bool | None = None
        try:
            worked = wire.login_with_password(credential.user, password, methods)
        finally:
            lockout.end(credential.name, credential.user, device, worked)
        return None if worked else _Refusal(credential.name, "WRONG_CREDENTIAL", "the password is refused")

    def _connected(self, user: str) -> Wire:
        """The connection of a user; a new one where the last has ended, or belongs to another user."""
        if self._wire is not None and self._wire.is_alive and self._wire.user in ("", user):
            return self._wire
        if self._wire is not None:
            self._wire.close()
        self._wire = Wire(self.target, self.place, self._client.limits, self._deadline)
        if self._is_closed:
            raise TransportFailure(self.target, "probe", "TIMEOUT", "given up")
        self._wire.connect(self._names, self._client.host_keys)
        return self._wire


class SshSession:
    """One host, logged in."""

    def __init__(self, client: SshClient, visit: _Visit, credential: SshLogin) -> None:
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
        output = await self._client._in_thread(
            lambda: self._visit.run(given, lambda out, err: is_finished(out, err, marker)), self._visit.close
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


async def _resolve(target: str, address: str, port: int) -> Place:
    try:
        return (await resolve(address, port))[0]
    except (OSError, UnicodeError, CmdbError) as error:
        detail = f"{address!r} has no address: {error.args[-1] if error.args else error}"
        raise TransportFailure(target, "resolve", "UNKNOWN_HOST", detail) from error
