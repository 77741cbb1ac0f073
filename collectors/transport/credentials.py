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
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"  # systemd.exec(5), LoadCredential=
HOW_TO_REFER = (
    "env:NAME (a variable of the environment), file:PATH (a file of mode 0600)"
    " or credential:NAME (a file in $CREDENTIALS_DIRECTORY)"
)


@dataclass(frozen=True)
class Secret:
    """A reference to a secret: `env:NAME`, `file:PATH` relative to `folder`, or `credential:NAME`.

    A credential is a file that the service manager hands over, in the folder that $CREDENTIALS_DIRECTORY names.
    The value is never kept.
    """

    reference: str
    folder: Path = Path()

    def __post_init__(self) -> None:
        kind, colon, rest = self.reference.partition(":")
        if colon and kind in _LATER and rest:
            raise UsageError(f"secrets in {kind}: are not available yet; refer to it as {HOW_TO_REFER}")
        if not colon or kind not in ("env", "file", "credential") or not rest:
            # The text itself may be the secret, so it is not repeated.
            raise UsageError(f"a secret is never written out: refer to it as {HOW_TO_REFER}")
        if kind == "credential" and Path(rest).name != rest:
            raise UsageError(f"{self.reference}: a credential has the name of a file, without a folder")

    def reveal(self, environment: Mapping[str, str] = os.environ) -> bytes:
        """Fetch the secret. Raises UsageError where it is missing, empty, or readable by others."""
        kind, _, rest = self.reference.partition(":")
        if kind == "env":
            value = self._from_environment(rest, environment)
        elif kind == "file":
            value = self._from_file(self.folder / rest, environment)
        else:
            value = self._from_file(self._credentials(environment) / rest, environment)
        if not value:
            raise UsageError(f"the secret {self.reference} is empty")
        return value

    def _credentials(self, environment: Mapping[str, str]) -> Path:
        folder = environment.get(CREDENTIALS_DIRECTORY)
        if not folder:
            raise UsageError(
                f"the secret {self.reference} is missing: {CREDENTIALS_DIRECTORY} is not set;"
                " it is for services with LoadCredential="
            )
        return Path(folder)

    def _from_environment(self, name: str, environment: Mapping[str, str]) -> bytes:
        value = environment.get(name)
        if value is None:
            raise UsageError(f"the secret {self.reference} is missing: set the variable {name}")
        return os.fsencode(value)

    def _from_file(self, path: Path, environment: Mapping[str, str]) -> bytes:
        held = environment.get(CREDENTIALS_DIRECTORY)
        # systemd gives the service its file by an access list, whose mask shows as the right of the group to read.
        others = (
            stat.S_IRWXG | stat.S_IRWXO if not held or path.parent != Path(held) else ~(stat.S_IRWXU | stat.S_IRGRP)
        )
        try:
            # Opening a pipe would wait for somebody to write into it.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                if not stat.S_ISREG(mode):
                    raise UsageError(f"the secret {self.reference} is no regular file")
                if stat.S_IMODE(mode) & others:
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
