"""A network device on loopback: a real SSH server with a made-up command line, for the tests of the transport."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import paramiko

PASSWORD = "right-horse-battery"


@dataclass
class Device:
    """What the device says. `answers` are texts by command; an answer of None never ends.

    `pager` is asked after so many lines, whatever `terminal length` was told; `question` comes before the prompt.
    """

    prompt: str = "switch-1#"
    answers: dict[str, str | None] = field(default_factory=dict)
    greeting: str = ""
    auth_banner: str = ""
    pager: int = 0
    question: str = ""
    methods: str = "password"
    tried: list[tuple[str, ...]] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    key: paramiko.PKey = field(default_factory=lambda: paramiko.ECDSAKey.generate(bits=256))
    more_keys: list[paramiko.PKey] = field(default_factory=list)
    port: int = 0
    greets: str = ""  # its version line, where it is not paramiko's
    hangs: threading.Event = field(default_factory=threading.Event)


class _Server(paramiko.ServerInterface):
    def __init__(self, device: Device) -> None:
        self.device = device

    def get_allowed_auths(self, username: str) -> str:
        return self.device.methods

    def check_auth_password(self, username: str, password: str) -> int:
        self.device.tried.append((username, password))
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> paramiko.InteractiveQuery | int:
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self.device.tried.append(("interactive", *responses))
        return paramiko.AUTH_SUCCESSFUL if responses == [PASSWORD] else paramiko.AUTH_FAILED

    def get_banner(self) -> tuple[str | None, str | None]:
        return (self.device.auth_banner, "en") if self.device.auth_banner else (None, None)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        threading.Thread(target=_shell, args=(self.device, channel), daemon=True).start()
        return True


def _shell(device: Device, channel: paramiko.Channel) -> None:
    """Echo what is typed, answer at each end of line."""
    with contextlib.suppress(OSError, EOFError):
        channel.sendall((device.greeting + (device.question or device.prompt)).encode())
        asked, line = bool(device.question), ""
        while data := channel.recv(1024):
            for character in data.decode():
                if character == "\x03":
                    channel.sendall(f"^C\r\n{device.prompt}".encode())
                    line = ""
                elif character != "\n":
                    line += character
                    channel.sendall(character.encode())
                else:
                    device.typed.append(line)
                    if asked and not line:
                        continue
                    asked = False
                    _reply(device, channel, line)
                    line = ""


def _reply(device: Device, channel: paramiko.Channel, line: str) -> None:
    answer = device.answers.get(line, "" if not line.startswith(("show", "display")) else "% Invalid input detected")
    if answer is None:
        channel.sendall(b"\r\nworking")
        device.hangs.set()
        return
    lines = answer.splitlines()
    channel.sendall(b"\r\n")
    for number, text in enumerate(lines, 1):
        channel.sendall(f"{text}\r\n".encode())
        if device.pager and number % device.pager == 0 and number < len(lines):
            channel.sendall(b" --More-- ")
            if channel.recv(1) != b" ":
                return
            channel.sendall(b"\x08" * 9 + b" " * 8 + b"\x08" * 9)  # as IOS does
    channel.sendall(device.prompt.encode())


@contextlib.contextmanager
def running(device: Device) -> Iterator[Device]:
    """Serve a device until the end of the block."""
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        device.port = listening.getsockname()[1]

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    found, _ = listening.accept()
                    transport = paramiko.Transport(found)
                    transports.append(transport)
                    transport.local_version = device.greets or transport.local_version
                    for key in (device.key, *device.more_keys):
                        transport.add_server_key(key)
                    with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                        transport.start_server(event=threading.Event(), server=_Server(device))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield device
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for transport in transports:
                transport.close()
                transport.join(10)
