"""Keys of network devices, held against a known_hosts file."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Protocol

import paramiko

from cmdb.errors import UsageError
from collectors.transport.session import TransportFailure


class HostKeyCheck(Protocol):
    """Knows which keys devices had before; see the host keys of the SSH transport."""

    def kinds(self, address: str, port: int) -> list[str]:
        """Algorithms of the keys that are known of a device; it has several keys, and is asked for these first."""

    def check(self, target: str, address: str, port: int, key: paramiko.PKey) -> None:
        """Raise TransportFailure for any key but a known one."""


class KnownHosts:
    """A known_hosts file, as OpenSSH writes it; no key is ever added. Raises UsageError where it can't be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._entries = paramiko.HostKeys(str(path) if path.exists() else None)
        except (OSError, paramiko.SSHException) as error:
            raise UsageError(f"{path}: the file of host keys can't be read: {error}") from error

    def kinds(self, address: str, port: int) -> list[str]:
        """Algorithms of the keys that are known of a device."""
        return list(self._entries.lookup(_known_as(address, port)) or {})

    def check(self, target: str, address: str, port: int, key: paramiko.PKey) -> None:
        """Raise TransportFailure, with the fingerprint, for any key but a known one."""
        place = _known_as(address, port)
        if self._entries.check(place, key):
            return
        said = f"the host key {fingerprint(key)} ({key.get_name()})"
        if self._entries.lookup(place) is None:
            detail = f"{said} is not known; compare it with the device's own, then add it to {self.path}"
            raise TransportFailure(target, "auth", "HOST_KEY_UNKNOWN", detail)
        detail = f"{said} is not the one it had before in {self.path}"
        raise TransportFailure(target, "auth", "HOST_KEY_CHANGED", detail)


def _known_as(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"


def fingerprint(key: paramiko.PKey) -> str:
    """As `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
