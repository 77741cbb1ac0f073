"""A signed copy of the ledger that anybody can verify without this program."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmdb import __version__
from cmdb.errors import Invalid, UsageError
from cmdb.exchange.commit_lines import commit_line
from cmdb.exchange.lines import encode, iso
from cmdb.ledger import check_link, read_chain
from cmdb.store.protocol import GraphStore

FORMAT = 1
COMMITS, MANIFEST, SIGNATURE, VERIFIER = "commits.ndjson", "manifest.json", "manifest.sig", "verify_ledger.py"
FILES = (COMMITS, MANIFEST, SIGNATURE, VERIFIER)


class Bundle(msgspec.Struct, frozen=True):
    """What was exported, and by which key it is signed (SHA-256 of the public key, hex)."""

    commits: int
    head: str
    fingerprint: str


def new_key() -> tuple[bytes, str]:
    """A new signing key (PKCS 8 in PEM, as openssl has it) and its fingerprint."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, fingerprint(key)


def read_key(pem: str) -> Ed25519PrivateKey:
    """The signing key in a PEM text. Raises UsageError, never with any of the text."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError("the signing key is no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("the signing key is not of the kind Ed25519; make one with cmdb ledger keygen")
    return key


def fingerprint(key: Ed25519PrivateKey) -> str:
    """By which a reader knows the key: SHA-256 of the public key in hexadecimal."""
    return hashlib.sha256(_public(key)).hexdigest()


def write_bundle(store: GraphStore, output: Path, key: Ed25519PrivateKey, now: int, texts: bool = True) -> Bundle:
    """Write the whole ledger with a signed manifest and its verifier into a folder or, where the name ends in .tar,
    a file. Nothing is left behind where that fails.

    The chain is verified on the way: what does not verify is not signed. Raises Invalid.
    """
    try:
        with _place(output) as folder:
            done = _write(store, folder, key, now, texts)
            shutil.copyfile(Path(__file__).with_name(VERIFIER), folder / VERIFIER)
            _put(folder, output)
    except OSError as error:
        raise Invalid(f"{output} can't be written: {error.strerror or error}") from error
    return done


def _write(store: GraphStore, folder: Path, key: Ed25519PrivateKey, now: int, texts: bool) -> Bundle:
    previous = ""
    lines: list[str] = []
    with (folder / COMMITS).open("wb") as stream:
        for commit in read_chain(store, until=store.head().sequence):
            if (problem := check_link(commit, len(lines) + 1, previous)) is not None:
                raise Invalid(f"the ledger is not intact, so nothing was signed: {problem}")
            line = encode(commit_line(commit, texts))
            stream.write(line)
            lines.append(hashlib.sha256(line).hexdigest())
            previous = commit.hash
    manifest = encode(
        {
            "format": FORMAT,
            "product": f"cmdb {__version__}",
            "exported_at": iso(now),
            "commits": len(lines),
            "head": previous,
            "texts": texts,
            "public_key": _public(key).hex(),
            "lines": lines,
        }
    )
    (folder / MANIFEST).write_bytes(manifest)
    (folder / SIGNATURE).write_bytes(key.sign(manifest))
    return Bundle(len(lines), previous, fingerprint(key))


@contextmanager
def _place(output: Path) -> Iterator[Path]:
    """A folder beside the output to write into; refuses to write over anything."""
    if output.is_dir() and any(output.iterdir()):
        raise Invalid(f"{output} is not empty; give a folder that is, or a file NAME.tar")
    if output.exists() and not output.is_dir():
        raise Invalid(f"{output} is there already; give another name")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as folder:
        yield Path(folder)


def _put(folder: Path, output: Path) -> None:
    """Move what was written to where it is wanted; a tar gets its verifier beside it as well."""
    if output.suffix != ".tar":
        output.mkdir(exist_ok=True)
        for name in FILES:
            (folder / name).replace(output / name)
        return
    part = folder / "tar"
    with tarfile.open(part, "w") as tar:
        for name in FILES:
            tar.add(folder / name, name, filter=_nobody)
    os.replace(part, output)
    shutil.copyfile(folder / VERIFIER, output.with_name(VERIFIER))


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()
