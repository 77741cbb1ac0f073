"""Logs in to network devices over SSH: one connection a credential, one password a device and account."""

from __future__ import annotations

import logging
import socket
import stat
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import paramiko

from cmdb.errors import UsageError
from collectors.transport.credentials import SshLogin
from collectors.transport.known_hosts import HostKeyCheck
from collectors.transport.session import Reason, Stage, TransportFailure

# What a foreign server gets wrong becomes a TransportFailure; paramiko would print it with a trace.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

BEFORE_LOGIN_BYTES = 512 * 1024  # banner, key exchange, greeting; a terminal greets later
_SMALLEST_S = 0.05


class Lockout(Protocol):
    """Gives leave to try a password; see the lock-out of the SSH transport."""

    def begin(self, credential: str, account: str, device: str, wait_s: float) -> str:
        """Ask for leave to try; "" if given, else why not. Every leave is followed by `end`."""

    def end(self, credential: str, account: str, device: str, worked: bool | None) -> None:
        """Tell how a try ended; None if the device did not come to an answer."""


class OnePassword:
    """At most one password that fails for each account and device in a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: set[tuple[str, str]] = set()

    def begin(self, credential: str, account: str, device: str, wait_s: float) -> str:
        """Give leave once, and again only after a try that worked."""
        with self._lock:
            if (account, device) in self._asked:
                return f"another password of {account} was refused there in this run"
            self._asked.add((account, device))
            return ""

    def end(self, credential: str, account: str, device: str, worked: bool | None) -> None:
        """Forget a try that worked."""
        if worked:
            with self._lock:
                self._asked.discard((account, device))


@dataclass(frozen=True)
class Place:
    """Where a device is reached, and what it is called."""

    target: str
    address: str
    port: int

    def failure(self, stage: Stage, reason: Reason, detail: str) -> TransportFailure:
        """A failure of this device."""
        return TransportFailure(self.target, stage, reason, detail)


@dataclass(frozen=True)
class LoginLimits:
    """Waiting times in seconds."""

    connect_s: float = 5.0
    handshake_s: float = 15.0
    login_s: float = 15.0


class BoundedSocket(socket.socket):
    """A connected socket that ends after `left` bytes and at `deadline`, so that no library reads for ever."""

    left: int
    deadline: float

    @classmethod
    def connect_to(cls, place: Place, timeout_s: float, deadline: float) -> BoundedSocket:
        """Connect. Raises OSError."""
        dialled = socket.create_connection((place.address, place.port), max(_SMALLEST_S, timeout_s))
        found = cls(dialled.family, dialled.type, dialled.proto, fileno=dialled.detach())
        found.left, found.deadline = BEFORE_LOGIN_BYTES, deadline
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    @property
    def is_used_up(self) -> bool:
        """Whether a bound was hit."""
        return self.left <= 0 or time.monotonic() > self.deadline

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As a socket; b"" beyond the bounds."""
        if self.is_used_up:
            return b""
        data = super().recv(size, flags)
        self.left -= len(data)
        return data


class Connection:
    """A connection to one device. `close` may be called from any thread, and ends whatever waits."""

    def __init__(self, place: Place, limits: LoginLimits, deadline: float) -> None:
        self.place, self._limits, self._deadline = place, limits, deadline
        self._socket: BoundedSocket | None = None
        self._transport: paramiko.Transport | None = None
        self._is_closed = False

    @property
    def transport(self) -> paramiko.Transport:
        """The transport that was logged in."""
        if self._transport is None:
            raise self.place.failure("probe", "TIMEOUT", "not connected")
        return self._transport

    @property
    def banner(self) -> str:
        """What the device printed before the login."""
        said = self.transport.get_banner()
        return said.decode("utf-8", "replace") if said else ""

    def allow(self, size: int) -> None:
        """Let `size` more bytes through."""
        if self._socket is not None:
            self._socket.left = size

    def close(self) -> None:
        """Hang up; safe to repeat."""
        self._is_closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def login(self, credentials: Sequence[SshLogin], keys: HostKeyCheck, lockout: Lockout) -> SshLogin:
        """Try credentials in their order; raises TransportFailure that says how each of them failed."""
        refused: list[tuple[SshLogin, Reason, str]] = []
        for credential in credentials:
            try:
                refusal = self._try(credential, keys, lockout)
            except UsageError as error:
                refusal = ("NO_CREDENTIAL", str(error))
            except BaseException:
                self._hang_up()
                raise
            if refusal is None:
                return credential
            self._hang_up()
            refused.append((credential, *refusal))
        ranking: tuple[Reason, ...] = ("WRONG_CREDENTIAL", "CIRCUIT_OPEN", "DENIED", "NO_CREDENTIAL")
        _, worst, _ = min(refused, key=lambda r: ranking.index(r[1]))
        raise self.place.failure("auth", worst, "; ".join(f"{c.name}: {detail}" for c, _, detail in refused))

    def _try(self, credential: SshLogin, keys: HostKeyCheck, lockout: Lockout) -> tuple[Reason, str] | None:
        if credential.key_file is not None:
            key = private_key(credential)
            self._connect(keys)
            worked = self._login(credential.user, lambda t: t.auth_publickey(credential.user, key))
            return None if worked else ("WRONG_CREDENTIAL", "the key is refused")
        if credential.password is None:
            return "NO_CREDENTIAL", "it has neither a key nor a password"
        password = credential.password.reveal().decode("utf-8", "surrogateescape")
        device = f"{self.place.address} {self.place.port}"
        user = credential.user
        against = lockout.begin(credential.name, user, device, max(0.0, self._deadline - time.monotonic()))
        if against:
            return "CIRCUIT_OPEN", against
        tried: bool | None = None
        try:
            self._connect(keys)
            methods = self._methods(user)
            if "none" in methods:
                tried = True
            elif "password" in methods:
                tried = self._login(user, lambda t: t.auth_password(user, password, fallback=False))
            elif "keyboard-interactive" in methods:
                # The one answer to the one question that is asked of an account with a password.
                tried = self._login(user, lambda t: t.auth_interactive(user, _once(password)))
            else:
                return "DENIED", "the device takes no passwords"
        finally:
            lockout.end(credential.name, user, device, tried)
        return None if tried else ("WRONG_CREDENTIAL", "the password is refused")

    def _methods(self, user: str) -> tuple[str, ...]:
        """Ways to log in that the device offers; asking costs the account nothing."""
        try:
            self.transport.auth_none(user)
        except paramiko.BadAuthenticationType as error:
            return tuple(error.allowed_types)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._broken("auth", "no answer to the question how to log in", error) from error
        return ("none",)

    def _connect(self, keys: HostKeyCheck) -> None:
        place, left = self.place, self._deadline - time.monotonic()
        try:
            self._socket = BoundedSocket.connect_to(place, min(self._limits.connect_s, left), self._deadline)
        except TimeoutError as error:
            raise place.failure("probe", "TIMEOUT", "no answer to the connection") from error
        except OSError as error:
            raise place.failure("probe", "REFUSED", error.strerror or str(error)) from error
        if self._is_closed:
            raise place.failure("probe", "TIMEOUT", "given up")
        try:
            self._transport = paramiko.Transport(self._socket)
            self._transport.auth_timeout = self._limits.login_s
            self._transport.banner_timeout = self._limits.handshake_s
            _prefer(self._transport, keys.kinds(place.address, place.port))
            self._transport.start_client(timeout=max(_SMALLEST_S, min(self._limits.handshake_s, left)))
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._broken("probe", "no SSH handshake", error) from error
        shown = self._transport.get_remote_server_key()
        keys.check(place.target, place.address, place.port, shown)

    def _login(self, user: str, attempt: Callable[[paramiko.Transport], list[str]]) -> bool:
        try:
            left = attempt(self.transport)
        except paramiko.AuthenticationException as error:
            if self.transport.is_active() and "timeout" not in str(error).lower():
                return False
            raise self._broken("auth", f"the device stopped answering while {user} logged in", error) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._broken("auth", "the login broke off", error) from error
        return not left and self.transport.is_authenticated()

    def _broken(self, stage: Stage, what: str, error: BaseException) -> TransportFailure:
        used = self._socket
        if used is not None and used.left <= 0:
            return self.place.failure(stage, "UNDECODABLE", f"{what}: more than {BEFORE_LOGIN_BYTES} bytes before it")
        if used is not None and used.is_used_up:
            return self.place.failure(stage, "BUDGET", f"{what}: the time for this device was used up")
        said = " ".join(str(error).split())[:200] or type(error).__name__
        slow = "timeout" in said.lower() or isinstance(error, TimeoutError)
        return self.place.failure(stage, "TIMEOUT" if slow else "UNDECODABLE", f"{what}: {said}")


def _prefer(transport: paramiko.Transport, kinds: Sequence[str]) -> None:
    """Ask for the kinds of host key that are known first."""
    known = {*kinds, "rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in kinds else set(kinds)
    options = transport.get_security_options()
    options.key_types = tuple(sorted(options.key_types, key=lambda kind: kind not in known))


def _once(password: str) -> Callable[[str, str, list[tuple[str, bool]]], list[str]]:
    """Answer the first question of a login with the password, and no other."""
    left = [password]
    return lambda _title, _instructions, asked: [left.pop() if left else "" for _ in asked]


def private_key(credential: SshLogin) -> paramiko.PKey:
    """Read the key of a credential. Raises UsageError without a word of its contents."""
    path = credential.key_file
    if path is None:
        raise UsageError(f"the credential {credential.name} has no key file")
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"the key file {path} can be read by others; chmod 600 {path}")
        return paramiko.PKey.from_path(path)
    except OSError as error:
        raise UsageError(f"the key file {path} can't be read: {error.strerror}") from error
    except UsageError:
        raise
    except paramiko.PasswordRequiredException as error:
        raise UsageError(f"the key file {path} needs a pass phrase; give one without") from error
    except Exception as error:
        # Whatever a parser says about a private key may quote it.
        raise UsageError(f"the key file {path} holds no private key that is understood") from error
