"""One SSH connection with limits on everything: handshake, login and output. Blocking; lives in a thread."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paramiko

from collectors.transport.hostkeys import HostKey, HostKeys, admit
from collectors.transport.session import Reason, Stage, TransportFailure
from collectors.transport.ssh_socket import BEFORE_LOGIN_BYTES, BoundedSocket, SshLimits, dial, read_greeting
from collectors.transport.udp import Place

# What a foreign server gets wrong becomes a TransportFailure; paramiko would print it with a trace.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

_PIECE = 262_144


@dataclass(frozen=True)
class Output:
    """What came from a channel, and why no more came: "" if it is all."""

    stdout: bytes
    stderr: bytes
    cut: str = ""


class Wire:
    """A connection to one host. `close` may be called from any thread, and ends whatever waits."""

    def __init__(self, target: str, place: Place, limits: SshLimits, deadline: float) -> None:
        self._target, self._place, self._limits, self._deadline = target, place, limits, deadline
        self._socket: socket.socket | None = None
        self._bounded: BoundedSocket | None = None
        self._transport: paramiko.Transport | None = None
        self._is_closed = False
        self.user = ""

    @property
    def is_alive(self) -> bool:
        """Whether the server still takes requests."""
        return self._transport is not None and self._transport.is_active()

    def connect(self, names: tuple[str, ...], keys: HostKeys) -> None:
        """Reach the host and make sure that it is the one it was; `names` are those it is known by, first as asked."""
        dialled = dial(self._target, self._place, min(self._limits.connect_s, self._left()), self._made)
        ahead = read_greeting(self._target, dialled, self._limits.banner_s, self._left())
        if self._is_closed:
            raise self._failure("probe", "TIMEOUT", "given up")
        self._bounded = BoundedSocket(dialled, self._deadline, ahead)
        try:
            self._transport = paramiko.Transport(self._bounded)
        except (OSError, paramiko.SSHException) as error:
            raise self._failure("probe", "UNDECODABLE", f"no SSH connection: {error}") from error
        self._transport.auth_timeout = self._limits.login_s
        self._prefer(keys, names)
        self._shake_hands()
        shown = self._live().get_remote_server_key()
        admit(keys, self._target, names, self._place.port, HostKey(shown.get_name(), shown.asbytes()))

    def _made(self, dialled: socket.socket) -> None:
        self._socket = dialled

    @property
    def banner(self) -> str:
        """What the server printed before the login."""
        said = self._live().get_banner()
        return said.decode("utf-8", "replace") if said else ""

    def allow(self, size: int) -> None:
        """Let `size` more bytes through, and nothing after the deadline."""
        if self._bounded is not None:
            self._bounded.left = size

    def terminal(self, width: int, height: int) -> paramiko.Channel:
        """A shell on a terminal. Raises TransportFailure."""
        try:
            channel = self._live().open_session(timeout=min(self._limits.channel_s, max(0.05, self._left())))
            channel.settimeout(self._limits.channel_s)
            channel.get_pty("vt100", width, height)
            channel.invoke_shell()
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._failure("probe", "NO_SHELL", f"logged in, and no terminal came: {_said(error)}") from error
        return channel

    def methods(self, user: str) -> tuple[str, ...]:
        """Ways to log in that the server offers; asking costs the account nothing. `none` says that it is done."""
        try:
            self._live().auth_none(user)
        except paramiko.BadAuthenticationType as error:
            return tuple(error.allowed_types)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._broken("auth", "no answer to the question how to log in", error) from error
        self._is_in(user)
        return ("none",)

    def login_with_key(self, user: str, key: paramiko.PKey) -> bool:
        """Log in with a key; False if it is refused."""
        return self._login(user, lambda transport: transport.auth_publickey(user, key))

    def login_with_password(self, user: str, password: str, methods: tuple[str, ...]) -> bool:
        """Log in with a password, which is sent once; False if it is refused."""
        if "password" in methods:
            return self._login(user, lambda t: t.auth_password(user, password, fallback=False))
        return self._login(user, lambda t: t.auth_interactive(user, _once(password)))

    def _login(self, user: str, attempt: Callable[[paramiko.Transport], list[str]]) -> bool:
        self.user = user
        try:
            left = attempt(self._live())
        except paramiko.AuthenticationException as error:
            if self.is_alive and "timeout" not in str(error).lower():
                return False
            raise self._broken("auth", f"the server stopped answering while {user} logged in", error) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._broken("auth", "the login broke off", error) from error
        if left or not self._live().is_authenticated():
            return False
        self._is_in(user)
        return True

    def _is_in(self, user: str) -> None:
        self.user = user
        if self._bounded is not None:
            self._bounded.left = None

    def _broken(self, stage: Stage, what: str, error: BaseException) -> TransportFailure:
        """Why the talk before the login ended."""
        used = self._bounded
        if used is not None and used.left is not None and used.left <= 0:
            return self._failure(stage, "UNDECODABLE", f"{what}: more than {BEFORE_LOGIN_BYTES} bytes before it")
        if self._left() <= 0:
            return self._failure(stage, "BUDGET", f"{what}: the time for this target was used up")
        said = _said(error)
        slow = "timeout" in said.lower() or isinstance(error, TimeoutError) or what.startswith("the server stopped")
        return self._failure(stage, "TIMEOUT" if slow else "UNDECODABLE", f"{what}: {said}")

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
            with suppress(OSError):  # closing alone does not wake a thread that waits for bytes
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

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

    def _live(self) -> paramiko.Transport:
        if self._transport is None:
            raise self._failure("probe", "TIMEOUT", "not connected")
        return self._transport

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _failure(self, stage: Stage, reason: Reason, detail: str) -> TransportFailure:
        return TransportFailure(self._target, stage, reason, detail)


def _once(password: str) -> Callable[[str, str, list[tuple[str, bool]]], list[str]]:
    """Answer the first question of a login with the password, and no other."""
    left = [password]
    return lambda _title, _instructions, asked: [left.pop() if left else "" for _ in asked]


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
