"""Host keys: which key a host had before, in a file that OpenSSH can read too."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cmdb.errors import UsageError
from collectors.transport.session import TransportFailure

Verdict = Literal["known", "unknown", "changed", "revoked"]
MAX_FILE_BYTES = 64 << 20
SSH_PORT = 22


@dataclass(frozen=True)
class HostKey:
    """A public key of a host: its algorithm and its wire form."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class _Entry:
    hosts: str
    key: HostKey
    is_revoked: bool = False


class HostKeys:
    """The known_hosts file at `path` (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Safe to use from several threads.

    With `accept_new` the key of a host that was never seen is taken down; a changed key is refused in any case.
    """

    def __init__(self, path: Path, accept_new: bool = False) -> None:
        self.path, self.accept_new = path, accept_new
        self._lock = threading.Lock()
        self._entries = _read(path)

    def kinds(self, address: str, port: int) -> list[str]:
        """Algorithms of the keys that are known of a host."""
        return list(dict.fromkeys(entry.key.kind for entry in self._of(address, port) if not entry.is_revoked))

    def judge(self, address: str, port: int, key: HostKey) -> Verdict:
        """Compare the key that a host shows with what is known of it."""
        if any(entry.is_revoked and entry.key == key for entry in self._entries):
            return "revoked"
        known = [entry.key for entry in self._of(address, port) if not entry.is_revoked]
        return "known" if key in known else "changed" if known else "unknown"

    def line(self, address: str, port: int, key: HostKey) -> str:
        """The line of the file that makes a key known."""
        return f"{_place(address, port)} {key.kind} {base64.b64encode(key.blob).decode()}"

    def accept(self, address: str, port: int, key: HostKey) -> None:
        """Take a key down. Raises UsageError where the file can't be written."""
        with self._lock:
            lines = self.path.read_text("utf-8", "surrogateescape") if self.path.is_file() else ""
            if lines and not lines.endswith("\n"):
                lines += "\n"
            _replace(self.path, lines + self.line(address, port, key) + "\n")
            self._entries = [*self._entries, _Entry(_place(address, port), key)]

    def _of(self, address: str, port: int) -> list[_Entry]:
        place = _place(address, port)
        return [entry for entry in self._entries if _fits(entry.hosts, place)]


def admit(keys: HostKeys, target: str, names: tuple[str, ...], port: int, key: HostKey) -> None:
    """Let a host in whose key is known under one of its names (first as asked), or is taken down now.

    Raises TransportFailure for any other, with the line that makes its key known.
    """
    verdicts = {keys.judge(name, port, key) for name in names}
    line = keys.line(names[0], port, key)
    if "revoked" in verdicts or "changed" in verdicts:
        what = "is revoked" if "revoked" in verdicts else "is not the one it had before"
        detail = (
            f"the host key {key.fingerprint} ({key.kind}) {what}: somebody else answers, or the host was set up "
            f"anew. If it was, take its old lines out of {keys.path} and add: {line}"
        )
        raise TransportFailure(target, "auth", "HOST_KEY_CHANGED", detail)
    if "known" in verdicts:
        return
    if not keys.accept_new:
        detail = (
            f"the host key {key.fingerprint} ({key.kind}) is not known. Compare it with the host's own "
            f"(ssh-keygen -l), then add to {keys.path}: {line}"
        )
        raise TransportFailure(target, "auth", "HOST_KEY_UNKNOWN", detail)
    keys.accept(names[0], port, key)


def _place(address: str, port: int) -> str:
    return address.lower() if port == SSH_PORT else f"[{address.lower()}]:{port}"


def _fits(hosts: str, place: str) -> bool:
    if hosts.startswith("|1|"):
        _, _, salt, digest = [*hosts.split("|"), "", ""][:4]
        try:
            expected = hmac.new(base64.b64decode(salt), place.encode(), hashlib.sha1).digest()
            return hmac.compare_digest(expected, base64.b64decode(digest))
        except binascii.Error:
            return False
    patterns = hosts.lower().split(",")
    # Square brackets are literal in this file; fnmatch takes them for a set of characters.
    if any(fnmatch.fnmatchcase(place, _glob(p[1:])) for p in patterns if p.startswith("!")):
        return False
    return any(fnmatch.fnmatchcase(place, _glob(p)) for p in patterns)


def _glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")


def _read(path: Path) -> list[_Entry]:
    """Entries of the file, none where it is not there. Lines that hold no key are passed over, as OpenSSH does."""
    try:
        if not path.exists():
            return []
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{path}: a file of host keys has at most {MAX_FILE_BYTES} bytes")
        text = path.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{path}: the file of host keys can't be read: {error.strerror}") from error
    return [entry for line in text.splitlines() if (entry := _entry(line)) is not None]


def _entry(line: str) -> _Entry | None:
    words = line.split()
    if not words or words[0].startswith("#") or words[0] == "@cert-authority":
        return None
    is_revoked = words[0] == "@revoked"
    words = words[1:] if is_revoked else words
    if len(words) < 3:
        return None
    try:
        return _Entry(words[0], HostKey(words[1], base64.b64decode(words[2], validate=True)), is_revoked)
    except binascii.Error:
        return None


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole, mode 0600: whoever reads it meanwhile sees the old or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(f"{path}: the file of host keys can't be written: {error.strerror}") from error
