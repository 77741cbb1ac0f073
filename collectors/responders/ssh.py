"""Hosts of our own that answer the host collector over SSH: they run nothing, they say what they were given."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

import paramiko

from cmdb.errors import UsageError

_MOST_SCRIPT_BYTES = 1 << 20
_MOST_SECTIONS = 200
_NOT_THERE = 127  # what a shell says of a command that it does not find
_TURN_S = 0.2
_MARKER = re.compile(r"^M=(\S+)$", re.MULTILINE)
_BEGIN = re.compile(r"^m b (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Host:
    """What a host says: standard output and exit status by the number of the section in the collector's script."""

    sections: Mapping[int, tuple[str, int]]
    user: str
    key: paramiko.PKey  # the public half counts
    host_key: paramiko.PKey = field(default_factory=lambda: paramiko.ECDSAKey.generate(bits=256))


class RunningHost(NamedTuple):
    """One host that answers."""

    address: str
    port: int
    host_key: paramiko.PKey


@asynccontextmanager
async def serve_hosts(
    hosts: Mapping[str, Host], address: str = "127.0.0.1", ports: Mapping[str, int] | None = None
) -> AsyncIterator[dict[str, RunningHost]]:
    """Answer for these hosts, by name, each on a TCP port of its own, until the context is left.

    Raises UsageError for an address that is not loopback.
    """
    if not ip_address(address).is_loopback:
        raise UsageError(f"responders listen on loopback only, not on {address}; use 127.0.0.1")
    stop = threading.Event()
    running: dict[str, RunningHost] = {}
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []
    try:
        for name, host in hosts.items():
            listener = socket.create_server((address, (ports or {}).get(name, 0)))
            listener.settimeout(_TURN_S)
            listeners.append(listener)
            running[name] = RunningHost(address, listener.getsockname()[1], host.host_key)
            thread = threading.Thread(target=_accept, args=(listener, host, stop), name=f"host-{name}", daemon=True)
            thread.start()
            threads.append(thread)
        yield running
    finally:
        stop.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        for listener in listeners:
            listener.close()


def _accept(listener: socket.socket, host: Host, stop: threading.Event) -> None:
    """Take connections of one host, one after the other: a collector opens one."""
    while not stop.is_set():
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection, suppress(paramiko.SSHException, OSError, EOFError):
                _converse(connection, host, stop)  # whoever called may have gone, or speak something else


def _converse(connection: socket.socket, host: Host, stop: threading.Event) -> None:
    transport = paramiko.Transport(connection)
    transport.add_server_key(host.host_key)
    try:
        transport.start_server(server=_Door(host))
        while transport.is_active() and not stop.is_set():
            channel = transport.accept(_TURN_S)
            if channel is not None:
                _serve(channel, host, stop)
    finally:
        transport.close()


def _serve(channel: paramiko.Channel, host: Host, stop: threading.Event) -> None:
    """Read the script from standard input, and say what stands for each of its sections."""
    channel.settimeout(_TURN_S)
    script = bytearray()
    while not stop.is_set() and len(script) < _MOST_SCRIPT_BYTES:
        try:
            part = channel.recv(65536)
        except TimeoutError:
            continue
        if not part:
            break
        script += part
        if script.endswith(b"\nm end\n"):
            break
    out, errors = answer(script.decode("utf-8", "replace"), host.sections)
    channel.settimeout(10)
    channel.sendall(out.encode())
    channel.sendall_stderr(errors.encode())
    channel.send_exit_status(0)
    channel.close()


def answer(script: str, sections: Mapping[int, tuple[str, int]]) -> tuple[str, str]:
    """Standard output and standard error of a script: its markers, and between them what is given."""
    marker = _MARKER.search(script)
    if marker is None:
        return "", "sh: this host answers the host collector only\n"
    out, errors = [], []
    for number in [int(n) for n in _BEGIN.findall(script)][:_MOST_SECTIONS]:
        said, status = sections.get(number, ("", _NOT_THERE))
        out.append(f"\n{marker[1]} b {number}\n{said}\n{marker[1]} e {number} {status}\n")
        errors.append(f"\n{marker[1]} b {number}\n\n{marker[1]} e {number} {status}\n")
    return "".join([*out, f"\n{marker[1]} end\n"]), "".join([*errors, f"\n{marker[1]} end\n"])


class _Door(paramiko.ServerInterface):  # type: ignore[misc] # paramiko has no types
    """Lets one user in with one key, to one command."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == self._host.user and key.asbytes() == self._host.key.asbytes()
        return int(paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return command == b"exec sh"
