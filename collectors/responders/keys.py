"""SSH keys for hosts of our own and for whoever logs in to them."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import TypeAlias

import paramiko

from cmdb.errors import UsageError

Key: TypeAlias = paramiko.PKey


def new_key() -> Key:
    """A key of its own for this call (ECDSA, P-256)."""
    key: Key = paramiko.ECDSAKey.generate(bits=256)
    return key


def kept_key(file: Path) -> Key:
    """The key in a file, which is made where there is none, or where what is there is no key.

    Raises UsageError where the file can't be written.
    """
    try:
        key: Key = paramiko.ECDSAKey.from_private_key_file(str(file))
        return key
    except (OSError, ValueError, paramiko.SSHException):
        made = new_key()
        write_key(file, made)
        return made


def write_key(file: Path, key: Key) -> None:
    """Write a private key, mode 0600 also where the file was there before with another one. Raises UsageError."""
    text = io.StringIO()
    key.write_private_key(text)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(text.getvalue())
    except OSError as error:
        raise UsageError(f"{file}: the key can't be written: {error.strerror}") from error


def public_line(key: Key) -> str:
    """Kind and public half of a key, as a line of known_hosts has them."""
    return f"{key.get_name()} {base64.b64encode(key.asbytes()).decode()}"
