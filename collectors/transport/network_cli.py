"""Opens command lines of network devices: netmiko prepares the terminal, an allow-list says what may be typed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Container, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import paramiko

from cmdb.errors import UsageError
from collectors.transport import show_commands
from collectors.transport.commands import CliAnswers, CommandAnswer
from collectors.transport.credentials import SshLogin
from collectors.transport.hostkeys import HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.network_dialogue import CommandLimits, Dialogue, find_prompt
from collectors.transport.session import Reason, TransportFailure
from collectors.transport.ssh_login import Visit, in_order, locate
from collectors.transport.ssh_socket import SshLimits
from collectors.transport.threads import Threads

THREADS = 24
GENERIC = "generic"
"""The platform of a device that nobody knows yet: nothing is typed but commands."""

GREETING_BYTES = 8 << 20
_PROMPT_S = 20.0
_WIDTH, _HEIGHT = 511, 1000

# What may be typed besides show commands: each of them ends with the session. netmiko knows more, such as a `Y` that
# makes a Huawei device save its configuration.
_PREPARATION = frozenset(
    {
        "",
        "N",
        "cli",
        "screen-length 0 temporary",
        "screen-length disable",
        "set cli complete-on-space off",
        "set cli screen-length 0",
        "set cli screen-width 511",
        "terminal length 0",
        "terminal width 511",
    }
)


class NetworkSession(Protocol):
    """A command line of one network device, live or recorded. Not for use by several tasks at once."""

    @property
    def target(self) -> str:
        """Name of the target."""

    @property
    def address(self) -> str:
        """IP address that is asked; "" where it is not known."""

    @property
    def platform(self) -> str:
        """Device type, as netmiko calls it."""

    @property
    def banner(self) -> str:
        """What the device printed before the login."""

    async def run(self, commands: Sequence[str]) -> CliAnswers:
        """Run show commands in their order; what the device does is told by the outcome of each.

        Raises UsageError for a command that may not be sent, before any is.
        """


@dataclass
class CliClient:
    """Opens command lines for one run (one event loop). Close it at the end.

    `remembered` maps names of targets to names of the credentials that worked; those are tried first. `lockout` is the
    one of all logins of the run.
    """

    host_keys: HostKeys
    limits: CommandLimits = field(default_factory=CommandLimits)
    login_limits: SshLimits = field(default_factory=SshLimits)
    lockout: Lockout = field(default_factory=Lockout)
    remembered: MutableMapping[str, str] = field(default_factory=dict)
    threads: Threads = field(default_factory=lambda: Threads(THREADS, "network-cli"))

    @asynccontextmanager
    async def open(
        self,
        target: str,
        address: str,
        port: int,
        credentials: Sequence[SshLogin],
        platform: str,
        budget_s: float,
        exclude: Container[str] = (),
    ) -> AsyncIterator[CliSession]:
        """A session with the device at `address`, as the first credential that it takes.

        Everything ends `budget_s` seconds from now. Addresses in `exclude` are left alone, also where a name leads to
        one. Raises TransportFailure, and UsageError for an unknown platform.
        """
        deadline = time.monotonic() + budget_s
        order = in_order(target, credentials, self.remembered)
        place = await locate(target, address, port, exclude)
        visit = Visit(target, address, place, self.login_limits, deadline)

        def start() -> tuple[SshLogin, Dialogue]:
            credential = visit.login(order, self)
            return credential, _dialogue(visit, platform, self.limits)

        try:
            credential, dialogue = await self.threads.run(start, visit.close)
            self.remembered[target] = credential.name
            yield CliSession(self, visit, dialogue, platform)
        finally:
            visit.close()

    def close(self) -> None:
        """Let the threads go; safe to repeat."""
        self.threads.close()


class CliSession:
    """A live command line."""

    def __init__(self, client: CliClient, visit: Visit, dialogue: Dialogue, platform: str) -> None:
        self._client, self._visit, self._dialogue, self._platform = client, visit, dialogue, platform

    @property
    def target(self) -> str:
        """Name of the target."""
        return self._visit.target

    @property
    def address(self) -> str:
        """IP address that is asked."""
        return self._visit.place.address

    @property
    def platform(self) -> str:
        """Device type, as netmiko calls it."""
        return self._platform

    @property
    def banner(self) -> str:
        """What the device printed before the login."""
        return self._visit.wire.banner

    async def run(self, commands: Sequence[str]) -> CliAnswers:
        """Run show commands in their order; see NetworkSession."""
        for command in commands:
            show_commands.check(command)
        found = await self._client.threads.run(lambda: [self._ask(c) for c in commands], self._visit.close)
        return CliAnswers(self._platform, {answer.command: answer for answer in found})

    def _ask(self, command: str) -> CommandAnswer:
        # Encryption and the windows of the channel take some bytes more than the text.
        self._visit.wire.allow(2 * self._client.limits.bytes + (1 << 20))
        try:
            return self._dialogue.ask(command)
        except (OSError, EOFError, paramiko.SSHException) as error:
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise TransportFailure(self.target, "read", "UNDECODABLE", f"the session broke off: {said}") from error


class _ChannelLine:
    """The terminal line of a channel."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def send(self, text: str) -> None:
        self._channel.settimeout(10.0)
        self._channel.sendall(text.encode())

    def receive(self, timeout_s: float) -> bytes | None:
        self._channel.settimeout(timeout_s)
        try:
            return bytes(self._channel.recv(65536))
        except TimeoutError:
            return None


def _dialogue(visit: Visit, platform: str, limits: CommandLimits) -> Dialogue:
    """Open a terminal and make it ready: no pager, wide lines, a known prompt. Raises TransportFailure."""
    wire, deadline = visit.wire, visit.deadline
    wire.allow(GREETING_BYTES)
    channel = wire.terminal(_WIDTH, _HEIGHT)
    channel.settimeout(20.0)
    try:
        _prepare(platform, channel)
        line = _ChannelLine(channel)
        prompt = find_prompt(line, min(deadline, time.monotonic() + _PROMPT_S))
        found = Dialogue(line, prompt, deadline, limits)
        if prompt and found.synchronise():
            return found
    except (UsageError, TransportFailure):
        raise
    except Exception as error:
        # netmiko raises what it likes: ValueError for a prompt it does not find, errors of its own, of paramiko.
        said = " ".join(str(error).split())[:160] or type(error).__name__
        detail = f"logged in, and no command line of {platform} came: {said}"
        reason: Reason = "BUDGET" if time.monotonic() > deadline else "NO_SHELL"
        raise TransportFailure(visit.target, "probe", reason, detail) from error
    detail = f"logged in, and the prompt {prompt[:60]!r} did not come back"
    raise TransportFailure(visit.target, "probe", "NO_SHELL", detail)


def _prepare(platform: str, channel: paramiko.Channel) -> None:
    """Let netmiko make a terminal ready."""
    if platform == GENERIC:
        return
    terminal = _terminal_class(platform)(
        device_type=platform, host="-", username="-", auto_connect=False, session_log=None, fast_cli=True
    )
    terminal.take_over(channel)


def _terminal_class(platform: str) -> Any:
    """The class of a device type in netmiko, without its login, and with a lock on what it types."""
    from netmiko.base_connection import BaseConnection
    from netmiko.channel import SSHChannel
    from netmiko.ssh_dispatcher import CLASS_MAPPER

    kind: Any = CLASS_MAPPER.get(platform)
    if kind is None:
        raise UsageError(f"netmiko has no device type {platform!r}")
    asks_at_login = kind.special_login_handler is not BaseConnection.special_login_handler

    class Terminal(kind):  # type: ignore[misc]
        """A terminal that is logged in already and takes no command but those that prepare it."""

        def take_over(self, channel: paramiko.Channel) -> None:
            self.remote_conn, self.remote_conn_pre = channel, None
            self.channel = SSHChannel(conn=channel, encoding=self.encoding)
            if asks_at_login:
                self._decline()
            self.write_channel(self.RETURN)
            self.session_preparation()

        def _decline(self) -> None:
            """Answer the questions at login with no: to change the password, to save the configuration."""
            for _ in range(3):
                said = self.read_until_pattern(r"[>\]#][ \t]*$|\[[Yy]/[Nn]\]")
                if "/" not in said.rsplit("[", 1)[-1]:
                    return
                self.write_channel(f"N{self.RETURN}")

        def write_channel(self, out_data: str) -> None:
            if out_data.strip() not in _PREPARATION:
                raise UsageError(f"{out_data.strip()[:40]!r} may not be typed on a device")
            super().write_channel(out_data)

    return Terminal
