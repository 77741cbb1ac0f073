"""Credentials of agents: who to be, with secrets by reference until a transport opens."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cmdb.errors import UsageError

CommunityVersion = Literal["v1", "v2c"]
Auth = Literal["MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
Priv = Literal["DES", "3DES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C"]
"""AES-192 and AES-256 extend short keys as net-snmp does (Blumenthal draft), those with -C as Cisco and most
others do (Reeder draft)."""

MAX_SECRET_BYTES = 4096
_LATER = ("store", "keyring", "vault")
HOW_TO_REFER = "env:NAME (a variable of the environment) or file:PATH (a file of mode 0600)"


@dataclass(frozen=True)
class Secret:
    """A reference to a secret: `env:NAME`, or `file:PATH` relative to `folder`. Its value is never kept."""

    reference: str
    folder: Path = Path()

    def __post_init__(self) -> None:
        kind, colon, rest = self.reference.partition(":")
        if colon and kind in _LATER and rest:
            raise UsageError(f"secrets in {kind}: are not available yet; refer to it as {HOW_TO_REFER}")
        if not colon or kind not in ("env", "file") or not rest:
            # The text itself may be the secret, so it is not repeated.
            raise UsageError(f"a secret is never written out: refer to it as {HOW_TO_REFER}")

    def reveal(self, environment: Mapping[str, str] = os.environ) -> bytes:
        """Fetch the secret. Raises UsageError where it is missing, empty, or readable by others."""
        kind, _, rest = self.reference.partition(":")
        value = self._from_environment(rest, environment) if kind == "env" else self._from_file(rest)
        if not value:
            raise UsageError(f"the secret {self.reference} is empty")
        return value

    def _from_environment(self, name: str, environment: Mapping[str, str]) -> bytes:
        value = environment.get(name)
        if value is None:
            raise UsageError(f"the secret {self.reference} is missing: set the variable {name}")
        return os.fsencode(value)

    def _from_file(self, name: str) -> bytes:
        path = self.folder / name
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                if not stat.S_ISREG(mode):
                    raise UsageError(f"the secret {self.reference} is no regular file")
                if mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise UsageError(f"the secret {self.reference} can be read by others; chmod 600 {path}")
                value = file.read(MAX_SECRET_BYTES + 1)
        except OSError as error:
            raise UsageError(f"the secret {self.reference} can't be read: {error.strerror}") from error
        if len(value) > MAX_SECRET_BYTES:
            raise UsageError(f"the secret {self.reference} is longer than {MAX_SECRET_BYTES} bytes")
        return value.rstrip(b"\r\n")


@dataclass(frozen=True)
class Community:
    """Access by SNMP version 1 or 2c."""

    name: str
    version: CommunityVersion
    community: Secret


@dataclass(frozen=True)
class UsmUser:
    """Access by SNMP version 3 with the user-based security model (RFC 3414)."""

    name: str
    user: str
    auth: Auth | None = None
    auth_secret: Secret | None = None
    priv: Priv | None = None
    priv_secret: Secret | None = None


@dataclass(frozen=True)
class SshLogin:
    """Access by SSH, with a key or a password."""

    name: str
    user: str
    key_file: Path | None = None
    password: Secret | None = None
    sudo: bool = False


SnmpCredential = Community | UsmUser
Credential = Community | UsmUser | SshLogin
