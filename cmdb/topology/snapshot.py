"""The file of a snapshot: named sections behind a header, whole or refused."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import struct
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from cmdb.errors import CmdbError

FORMAT = 1  # of the file, and of what its sections mean: count it up when either changes
_MAGIC = b"CMDBTOPO"
_HEAD = struct.Struct("<8sII32s")  # magic, format, length of the header, checksum of that length and all that follows
_ALIGN = 64
_CHUNK = 1 << 20

Section = bytes | bytearray | memoryview


class Unusable(CmdbError):
    """A snapshot that can't be used, and why: read the graph instead."""


class Header(msgspec.Struct, frozen=True):
    """What a snapshot is of: the ledger up to the commit `sequence`, made at `at` (epoch ms), whose hash is `ledger`.

    `program` and `policy` are the versions by which requirements were derived; `facts` are small things beside the
    sections. `sections` maps names to (offset, length) behind the header.
    """

    sequence: int
    at: int
    ledger: str
    program: str
    policy: str
    facts: dict[str, object]
    byte_order: str = sys.byteorder
    sections: dict[str, tuple[int, int]] = {}


def write(file: Path, header: Header, sections: Mapping[str, Section]) -> int:
    """Put a snapshot in the place of a file, whole or not at all; return its size in bytes. Raises OSError."""
    places, end = {}, 0
    for name, data in sections.items():
        end += -end % _ALIGN
        places[name] = (end, len(data))
        end += len(data)
    head = msgspec.msgpack.encode(msgspec.structs.replace(header, sections=places))
    number, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(number, "wb") as out:
            out.write(bytes(_HEAD.size))
            check, size = _checksum(len(head)), _HEAD.size
            for part in _parts(head, sections.values()):  # aligned in the file as they will be in memory
                check.update(part)
                out.write(part)
                size += len(part)
            out.seek(0)
            out.write(_HEAD.pack(_MAGIC, FORMAT, len(head), check.digest()))
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(file.parent)
    return size


def _parts(head: bytes, sections: Iterable[Section]) -> Iterable[Section]:
    yield head
    yield bytes(-(_HEAD.size + len(head)) % _ALIGN)
    end = 0
    for data in sections:
        yield bytes(-end % _ALIGN)
        end += -end % _ALIGN + len(data)
        yield data


def _checksum(length: int) -> hashlib.blake2b:
    """A checksum that holds the length of the header; the rest is to come."""
    return hashlib.blake2b(length.to_bytes(4, "little"), digest_size=32)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def read(file: Path) -> tuple[Header, dict[str, memoryview]]:
    """Open a snapshot; its sections are read from the disk as they are looked at. Raises Unusable.

    All of it is held against its checksum first.
    """
    try:
        with file.open("rb") as stream:
            length = _check(file, stream)
            mapped = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise Unusable(f"there is no snapshot {file}") from None
    except OSError as error:
        raise Unusable(f"{file} can't be read: {error}") from error
    try:
        header = msgspec.msgpack.decode(mapped[_HEAD.size : _HEAD.size + length], type=Header)
    except msgspec.MsgspecError as error:
        raise Unusable(f"{file} has a header of another make: {error}") from error
    if header.byte_order != sys.byteorder:
        raise Unusable(f"{file} was written on a machine of another byte order")
    behind = _HEAD.size + length
    behind += -behind % _ALIGN
    return header, {name: mapped[behind + at : behind + at + size] for name, (at, size) in header.sections.items()}


def _check(file: Path, stream: BinaryIO) -> int:
    """Length of the header of a file that is whole."""
    start = stream.read(_HEAD.size)
    if len(start) < _HEAD.size or start[: len(_MAGIC)] != _MAGIC:
        raise Unusable(f"{file} is no snapshot of a topology, or was cut off")
    _, form, length, expected = _HEAD.unpack(start)
    if form != FORMAT:
        raise Unusable(f"{file} has format {form}; this program reads format {FORMAT}")
    check = _checksum(length)
    while chunk := stream.read(_CHUNK):
        check.update(chunk)
    if check.digest() != expected:
        raise Unusable(f"{file} was damaged or cut off: its checksum does not fit")
    return int(length)
