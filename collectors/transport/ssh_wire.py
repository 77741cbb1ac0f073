"""One SSH connection with limits on everything: banner, handshake, login and output. Blocking; lives in a thread."""

from __future__ import annotations

import logging
import re
import select
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import paramiko

from collectors.transport.hostkeys import HostKey, HostKeys
from collectors.transport.session import Reason, Stage, TransportFailure
from collectors.transport.udp import Place

# What a foreign server gets wrong becomes a TransportFailure; paramiko would print it with a trace.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

_LONGEST_BANNER = 16_384  # bytes before and with the version line (RFC 4253 §4.2 allows lines before it)
_VERSION_LINE = re.compile(rb"^SSH-[^\n]*\n", re.MULTILINE)
_PIECE = 262_144


@dataclass(frozen=True)
class SshLimits:
    """Waiting times in seconds, and the most bytes that a script may print."""

    connect_s: float = 5.0
    banner_s: float = 10.0
    handshake_s: float = 15.0
    login_s: float = 15.0
    channel_s: float = 10.0
    output_bytes: int = 32 << 20


@dataclass(frozen=True)
class Output:
    """What came from a channel, and why no more came: "" if it is all."""

    stdout: bytes
    stderr: bytes
    cut: str = ""


class _ReadAhead:
    """A socket whose first bytes were read already."""

    def __init__(self, inner: socket.socket, ahead: bytes) -> None:
        self._inner, self._ahead = inner, ahead

    def recv(self, size: int) -> bytes:
        if not self._ahead:
            return self._inner.recv(size)
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Wire:
    """A connection to one host. `close` may be called from any thread, and ends whatever waits."""

    def __init__(self, target: str, place: Place, limits: SshLimits, deadline: float) -> None:
        self._target, self._place, self._limits, self._deadline = target, place, limits, deadline
        self._socket: socket.socket | None = None
        self._transport: paramiko.Transport | None = None
        self._is_closed = False
        self.user = ""

    @property
    def is_alive(self) -> bool:
        """Whether the server still takes requests."""
        return self._transport is not None and self._transport.is_active()

    def connect(self, names: tuple[str, ...], keys: HostKeys) -> None:
        """Reach the host and make sure that it is the one it was; `names` are those it is known by, first as asked."""
        dialled = self._dial()
        ahead = self._version(dialled)
        if self._is_closed:
            raise self._failure("probe", "TIMEOUT", "given up")
        try:
            self._transport = paramiko.Transport(_ReadAhead(dialled, ahead))
        except (OSError, paramiko.SSHException) as error:
            raise self._failure("probe", "UNDECODABLE", f"no SSH connection: {error}") from error
        self._transport.auth_timeout = self._limits.login_s
        self._prefer(keys, names)
        self._shake_hands()
        self._check(keys, names)

    def methods(self, user: str) -> tuple[str, ...]:
        """Ways to log in that the server offers; asking costs the account nothing."""
        try:
            self._live().auth_none(user)
        except paramiko.BadAuthenticationType as error:
            return tuple(error.allowed_types)
        except (paramiko.SSHException, EOFError, OSError):
            return ()
        return ("none",)

    def login_with_key(self, user: str, key: paramiko.PKey) -> bool:
        """Log in with a key; False if it is refused."""
        return self._login(user, lambda transport: transport.auth_publickey(user, key))

    def login_with_password(self, user: str, password: str, methods: tuple[str, ...]) -> bool:
        """Log in with a password, which is sent once; False if it is refused."""
        if "password" in methods:
            return self._login(user, lambda t: t.auth_password(user, password, fallback=False))
        return self._login(user, lambda t: t.auth_interactive(user, lambda _t, _i, asked: [password for _ in asked]))

    def _login(self, user: str, attempt: Any) -> bool:
        self.user = user
        try:
            left = attempt(self._live())
        except paramiko.AuthenticationException as error:
            if self.is_alive and "timeout" not in str(error).lower():
                return False
            raise self._failure("auth", "TIMEOUT", f"the server stopped answering while {user} logged in") from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._failure("auth", "UNDECODABLE", f"the login broke off: {_said(error)}") from error
        return not left and self._live().is_authenticated()

    def run(self, command: str, given: bytes, is_done: Any) -> Output:
        """Run a command with `given` on its standard input until `is_done(stdout, stderr)`, its end, or a limit."""
        out, errors = bytearray(), bytearray()
        if self._left() <= 0:
            raise self._failure("read", "BUDGET", "the time for this host was used up before the script could start")
        try:
            channel = self._live().open_session(timeout=min(self._limits.channel_s, self._left()))
            channel.settimeout(self._limits.channel_s)
            channel.exec_command(command)
            channel.sendall(given)
            channel.shutdown_write()
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._failure("read", "NO_SHELL", f"the host runs no command: {_said(error)}") from error
        try:
            cut = self._collect(channel, out, errors, is_done)
        except (paramiko.SSHException, EOFError, OSError) as error:
            cut = f"the connection broke off: {_said(error)}"
        finally:
            channel.close()
        return Output(bytes(out), bytes(errors), cut)

    def _collect(self, channel: paramiko.Channel, out: bytearray, errors: bytearray, is_done: Any) -> str:
        readable = select.poll()  # the number of a file may be above what select() takes
        readable.register(channel.fileno(), select.POLLIN)
        while True:
            left = self._left()
            if left <= 0:
                return "the time for this host was used up"
            readable.poll(left * 1000)
            if channel.recv_ready():
                out += channel.recv(_PIECE)
            if channel.recv_stderr_ready():
                errors += channel.recv_stderr(_PIECE)
            if len(out) + len(errors) > self._limits.output_bytes:
                return f"more than {self._limits.output_bytes} bytes of output"
            if channel.recv_ready() or channel.recv_stderr_ready():
                continue
            if is_done(out, errors) or channel.eof_received or channel.closed:
                return "" if self.is_alive or is_done(out, errors) else "the connection broke off"

    def close(self) -> None:
        """Hang up; safe to repeat."""
        self._is_closed = True
        if self._transport is not None:
            self._transport.close()
        if self._socket is not None:
            self._socket.close()

    def _dial(self) -> socket.socket:
        where = (self._place.address, self._place.port, 0, self._place.scope_id)
        dialled = socket.socket(self._place.family, socket.SOCK_STREAM)
        self._socket = dialled
        dialled.settimeout(max(0.05, min(self._limits.connect_s, self._left())))
        try:
            dialled.connect(where if self._place.family == socket.AF_INET6 else where[:2])
        except TimeoutError as error:
            raise self._failure("probe", "TIMEOUT", "no answer to the connection") from error
        except OSError as error:
            raise self._failure("probe", "REFUSED", error.strerror or str(error)) from error
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return dialled

    def _version(self, dialled: socket.socket) -> bytes:
        """Read up to the version line of the server: paramiko would read lines without an end for ever."""
        ahead = bytearray()
        end = time.monotonic() + min(self._limits.banner_s, self._left())
        while not _VERSION_LINE.search(ahead):
            left = end - time.monotonic()
            if left <= 0:
                said = "no SSH version line" if ahead else "connected, and not a word came"
                raise self._failure("probe", "TIMEOUT", f"{said} within {self._limits.banner_s:g} s")
            if len(ahead) > _LONGEST_BANNER:
                raise self._failure(
                    "probe", "UNDECODABLE", f"more than {_LONGEST_BANNER} bytes and no SSH version line"
                )
            dialled.settimeout(left)
            try:
                piece = dialled.recv(4096)
            except TimeoutError:
                continue
            except OSError as error:
                raise self._failure("probe", "REFUSED", error.strerror or str(error)) from error
            if not piece:
                raise self._failure("probe", "UNDECODABLE", "the connection was closed without an SSH version line")
            ahead += piece
        return bytes(ahead)

    def _prefer(self, keys: HostKeys, names: tuple[str, ...]) -> None:
        """Ask for the kinds of host key that are known first: a server has several, and any may be shown."""
        known = {kind for name in names for kind in keys.kinds(name, self._place.port)}
        if "ssh-rsa" in known:
            known |= {"rsa-sha2-512", "rsa-sha2-256"}
        options = self._live().get_security_options()
        options.key_types = tuple(sorted(options.key_types, key=lambda kind: kind not in known))

    def _shake_hands(self) -> None:
        transport, finished = self._live(), threading.Event()
        transport.start_client(event=finished)
        finished.wait(min(self._limits.handshake_s, max(0.05, self._left())))
        if transport.is_active() and finished.is_set():
            return
        error = transport.get_exception()
        is_slow = not finished.is_set()
        transport.close()
        if is_slow:
            raise self._failure("probe", "TIMEOUT", f"no SSH handshake within {self._limits.handshake_s:g} s")
        said = _said(error) if error else "it hung up"
        raise self._failure("probe", "UNDECODABLE", f"no SSH handshake: {said}") from error

    def _check(self, keys: HostKeys, names: tuple[str, ...]) -> None:
        shown = self._live().get_remote_server_key()
        key, port = HostKey(shown.get_name(), shown.asbytes()), self._place.port
        verdicts = {keys.judge(name, port, key) for name in names}
        if "revoked" in verdicts or "changed" in verdicts:
            what = "is revoked" if "revoked" in verdicts else "is not the one it had before"
            detail = (
                f"the host key {key.fingerprint} ({key.kind}) {what}: somebody else answers, or the host was set up "
                f"anew. If it was, take its old lines out of {keys.path} and add: {keys.line(names[0], port, key)}"
            )
            raise self._failure("auth", "HOST_KEY_CHANGED", detail)
        if "known" in verdicts:
            return
        if not keys.accept_new:
            detail = (
                f"the host key {key.fingerprint} ({key.kind}) is not known. Compare it with the host's own "
                f"(ssh-keygen -l), then add to {keys.path}: {keys.line(names[0], port, key)}"
            )
            raise self._failure("auth", "HOST_KEY_UNKNOWN", detail)
        keys.accept(names[0], port, key)

    def _live(self) -> paramiko.Transport:
        if self._transport is None:
            raise self._failure("probe", "TIMEOUT", "not connected")
        return self._transport

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _failure(self, stage: Stage, reason: Reason, detail: str) -> TransportFailure:
        return TransportFailure(self._target, stage, reason, detail)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
