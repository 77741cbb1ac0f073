"""The way in over SSH that hosts and network devices share: one credential after the other, one password a device."""

from __future__ import annotations

import stat
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import paramiko

from cmdb.errors import CmdbError, UsageError
from collectors.transport.credentials import SshLogin
from collectors.transport.hostkeys import HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.session import Reason, TransportFailure
from collectors.transport.ssh_socket import SshLimits
from collectors.transport.ssh_wire import Wire
from collectors.transport.udp import Place, resolve


class Access(Protocol):
    """What the logins of a run have in common."""

    @property
    def host_keys(self) -> HostKeys:
        """Which keys hosts had before."""

    @property
    def lockout(self) -> Lockout:
        """Gives leave to try a password."""


@dataclass(frozen=True)
class _Refusal:
    """Why one credential did not open a host."""

    credential: str
    reason: Reason
    detail: str


class Visit:
    """The connections to one host, one after the other: a server takes one user only on each.

    `close` may be called from any thread, and ends whatever waits. Everything ends at `deadline`.
    """

    def __init__(self, target: str, address: str, place: Place, limits: SshLimits, deadline: float) -> None:
        self.target, self.place, self.deadline = target, place, deadline
        self._names = tuple(dict.fromkeys((address, place.address)))
        self._limits = limits
        self._wire: Wire | None = None
        self._is_closed = False

    @property
    def wire(self) -> Wire:
        """The connection that is logged in. Raises TransportFailure where there is none."""
        if self._wire is None:
            raise TransportFailure(self.target, "read", "NO_SHELL", "not logged in")
        return self._wire

    def close(self) -> None:
        """Hang up; safe to repeat."""
        self._is_closed = True
        if self._wire is not None:
            self._wire.close()

    def login(self, order: Sequence[SshLogin], access: Access) -> SshLogin:
        """Try credentials in their order; raises TransportFailure that says how each of them failed."""
        refused: list[_Refusal] = []
        for credential in order:
            refusal = self._try(credential, access)
            if refusal is None:
                return credential
            refused.append(refusal)
        ranking: tuple[Reason, ...] = ("WRONG_CREDENTIAL", "CIRCUIT_OPEN", "DENIED", "NO_CREDENTIAL")
        worst = min(refused, key=lambda r: ranking.index(r.reason))
        detail = "; ".join(f"{r.credential}: {r.detail}" for r in refused)
        raise TransportFailure(self.target, "auth", worst.reason, detail)

    def _try(self, credential: SshLogin, access: Access) -> _Refusal | None:
        try:
            if credential.key_file is not None:
                key = private_key(credential)
                worked = self._connected(credential.user, access).login_with_key(credential.user, key)
                return None if worked else _Refusal(credential.name, "WRONG_CREDENTIAL", "the key is refused")
            if credential.password is None:
                return _Refusal(credential.name, "NO_CREDENTIAL", "it has neither a key nor a password")
            password = credential.password.reveal().decode("utf-8", "surrogateescape")
            return self._try_password(credential, password, access)
        except UsageError as error:
            return _Refusal(credential.name, "NO_CREDENTIAL", str(error))

    def _try_password(self, credential: SshLogin, password: str, access: Access) -> _Refusal | None:
        # A server may hang up after a key that it refused; a password has a connection of its own.
        wire = self._connected("", access)
        methods = wire.methods(credential.user)
        if "none" in methods:
            return None  # it lets this user in without asking
        if not {"password", "keyboard-interactive"} & set(methods):
            return _Refusal(credential.name, "DENIED", "the host takes no passwords")
        device = f"{self.place.address} {self.place.port}"
        wait_s = max(0.0, self.deadline - time.monotonic())
        against = access.lockout.begin(credential.name, credential.user, device, wait_s)
        if against:
            return _Refusal(credential.name, "CIRCUIT_OPEN", against)
        worked: bool | None = None
        try:
            worked = wire.login_with_password(credential.user, password, methods)
        finally:
            access.lockout.end(credential.name, credential.user, device, worked)
        return None if worked else _Refusal(credential.name, "WRONG_CREDENTIAL", "the password is refused")

    def _connected(self, user: str, access: Access) -> Wire:
        """The connection of a user; a new one where the last has ended, or was used by another user ("": by anyone)."""
        if self._wire is not None and self._wire.is_alive and self._wire.user in ("", user):
            return self._wire
        if self._wire is not None:
            self._wire.close()
        self._wire = Wire(self.target, self.place, self._limits, self.deadline)
        if self._is_closed:
            raise TransportFailure(self.target, "probe", "TIMEOUT", "given up")
        self._wire.connect(self._names, access.host_keys)
        return self._wire


def in_order(target: str, credentials: Sequence[SshLogin], remembered: Mapping[str, str]) -> list[SshLogin]:
    """The credential that worked first, and keys before passwords. Raises TransportFailure where there is none."""
    if not credentials:
        raise TransportFailure(target, "probe", "NO_CREDENTIAL", "no SSH credential is bound to its scope")
    first = remembered.get(target)
    return sorted(credentials, key=lambda c: (c.name != first, c.key_file is None))


async def locate(target: str, address: str, port: int, exclude: Container[str] = ()) -> Place:
    """Where a host is. Raises TransportFailure where it has no address, or one that its scope excludes."""
    try:
        place = (await resolve(address, port))[0]
    except (OSError, UnicodeError, CmdbError) as error:
        detail = f"{address!r} has no address: {error.args[-1] if error.args else error}"
        raise TransportFailure(target, "resolve", "UNKNOWN_HOST", detail) from error
    if place.address in exclude:
        detail = f"{address} is {place.address}, which its scope excludes"
        raise TransportFailure(target, "resolve", "EXCLUDED", detail)
    return place


def private_key(credential: SshLogin) -> paramiko.PKey:
    """The key of a credential. Raises UsageError: whatever a parser says about it may quote it, so it is not told."""
    path = credential.key_file
    if path is None:
        raise UsageError(f"the credential {credential.name} has no key file")
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
