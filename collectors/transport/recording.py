"""Recordings of SNMP agents as files: `.snmprec` and `.snmprec.bz2`."""

from __future__ import annotations

import bz2
import re
from bisect import bisect_left
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address
from operator import itemgetter
from pathlib import Path

from cmdb.errors import Invalid, LimitExceeded, NotFound
from collectors.transport.answers import Oid, Value, Varbind, dotted, parse_oid

SUFFIXES = (".snmprec", ".snmprec.bz2")
MAX_BYTES = 256 * 1024 * 1024  # a recording is unpacked in memory; the largest switches make some 20 MB

INTEGER, OCTETS, NULL, OID, IP_ADDRESS, OPAQUE = 2, 4, 5, 6, 64, 68
NUMBERS = frozenset({INTEGER, 65, 66, 67, 70})
_TAGS = NUMBERS | {OCTETS, NULL, OID, IP_ADDRESS, OPAQUE}
_LINE = re.compile(rb"^\.?[0-9]+(?:\.[0-9]+)+[ ]*\|[0-9]+x?(?::[^|\n]*)?\|[^\n]*", re.MULTILINE)
_IGNORED = re.compile(rb"^(?:#[^\n]*|[ \t\r]*)$", re.MULTILINE)


class Recording:
    """The answers of one agent in one context.

    Lines are found by their text and decoded when they are asked for: of 50,000 lines a discovery reads some thousand.
    `bad_lines` counts what is no `OID|TAG|VALUE` line; lines whose value turns out to be unusable are added to it.
    Of several lines with one OID the first counts.
    """

    def __init__(self, data: bytes) -> None:
        lines = _LINE.findall(data)
        total = data.count(b"\n") + (0 if data.endswith(b"\n") or not data else 1)
        empty = len(_IGNORED.findall(data)) - (1 if data.endswith(b"\n") or not data else 0)
        self.bad_lines = max(0, total - empty - len(lines))
        keyed = sorted(((_key(line), line) for line in lines), key=itemgetter(0))
        self._keys = [key for key, _ in keyed]
        self._lines = [line for _, line in keyed]
        self._bad: set[int] = set()

    def __len__(self) -> int:
        return len(self._lines)

    def get(self, oid: Oid) -> Varbind | None:
        """The instance with this very OID."""
        key = dotted(oid).encode()
        at = bisect_left(self._keys, key)
        while at < len(self._keys) and self._keys[at] == key:
            if varbind := self._decode(at):
                return varbind
            at += 1
        return None

    def below(self, root: Oid) -> list[Varbind]:
        """Instances below `root` in order of their OIDs, each OID once."""
        start, end = self._range(root)
        found: dict[Oid, Varbind] = {}
        for at in range(start, end):
            if varbind := self._decode(at):
                found.setdefault(varbind.oid, varbind)
        return sorted(found.values(), key=itemgetter(0))

    def has(self, root: Oid) -> bool:
        """Whether there is any line below `root`."""
        start, end = self._range(root)
        return start < end

    def all(self) -> list[Varbind]:
        """Every instance, in order."""
        found: dict[Oid, Varbind] = {}
        for at in range(len(self._lines)):
            if varbind := self._decode(at):
                found.setdefault(varbind.oid, varbind)
        return sorted(found.values(), key=itemgetter(0))

    def _range(self, root: Oid) -> tuple[int, int]:
        # Texts with a common beginning lie together in the order of bytes, whatever the order of numbers.
        prefix = dotted(root).encode()
        return bisect_left(self._keys, prefix + b"."), bisect_left(self._keys, prefix + b"/")

    def _decode(self, at: int) -> Varbind | None:
        varbind = parse_line(self._lines[at])
        if varbind is None and at not in self._bad:
            self._bad.add(at)
            self.bad_lines += 1
        return varbind


def _key(line: bytes) -> bytes:
    return line[: line.index(b"|")].strip(b". ")


def parse_line(line: bytes) -> Varbind | None:
    """Decode `OID|TAG|VALUE`; None where it can't be.

    An `x` behind the tag means a hexadecimal value. Behind `:` stands a module of the simulator: then what is before
    the first comma is the value, or, where that is an option (`name=…`), there is none.
    """
    head, _, rest = line.partition(b"|")
    tag_text, bar, value = rest.partition(b"|")
    tag_text, colon, _ = tag_text.partition(b":")
    value = value.removesuffix(b"\r")
    if colon:
        value = value.partition(b",")[0]
        if b"=" in value:
            return None
    try:
        tag = int(tag_text.removesuffix(b"x"))
        if not bar or tag not in _TAGS:
            return None
        return Varbind(parse_oid(head.decode("ascii")), tag, _value(tag, value, tag_text.endswith(b"x")))
    except (ValueError, AddressValueError):
        return None


def _value(tag: int, text: bytes, is_hex: bool) -> Value:
    """The value of a line; raises ValueError."""
    if tag == NULL:
        return None
    if tag in NUMBERS:
        return int(text, 16 if is_hex else 10)
    raw = bytes.fromhex(text.decode("ascii")) if is_hex else text
    if tag in (OCTETS, OPAQUE):
        return raw
    if tag == OID:
        text_oid = raw.decode("ascii").strip().lstrip(".")
        return dotted(
            parse_oid(f"1{text_oid[3:]}" if text_oid.startswith("iso.") else text_oid)
        )  # net-snmp writes 1 as iso
    if len(raw) == 4:
        return str(IPv4Address(raw))
    return str(IPv4Address(raw.decode("ascii").strip()))


def format_line(varbind: Varbind) -> bytes:
    """The line of an instance, without its end. Text that can't stand in a line is written in hexadecimal."""
    oid, tag, value = varbind
    head = b"%s|%d" % (dotted(oid).encode(), tag)
    if isinstance(value, bytes):
        plain = all(32 <= byte < 127 for byte in value)
        return b"%s|%s" % (head, value) if plain else b"%sx|%s" % (head, value.hex().encode())
    return b"%s|%s" % (head, b"" if value is None else str(value).encode("ascii"))


def read_recording(path: Path) -> Recording:
    """Read a recording. Raises NotFound, LimitExceeded, or Invalid where the file is broken or holds no line."""
    try:
        data = _unpack(path) if path.name.endswith(".bz2") else _read(path)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: there is no such recording") from error
    except (OSError, EOFError, ValueError) as error:
        raise Invalid(f"{path}: can't be read as a recording: {error}. Record the target again.") from error
    recording = Recording(data)
    if not len(recording):
        raise Invalid(f"{path}: holds no line of the form OID|TAG|VALUE. Is it a recording?")
    return recording


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return _bounded(file.read(MAX_BYTES + 1), path)


def _unpack(path: Path) -> bytes:
    with bz2.open(path, "rb") as file:
        return _bounded(file.read(MAX_BYTES + 1), path)


def _bounded(data: bytes, path: Path) -> bytes:
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"{path}: a recording has at most {MAX_BYTES} bytes unpacked. Record less of the target.")
    return data


def write_recording(path: Path, varbinds: Iterable[Varbind]) -> None:
    """Write a recording, in order of the OIDs; packed where the name ends in `.bz2`."""
    unique = {varbind.oid: varbind for varbind in varbinds}
    data = b"".join(format_line(unique[oid]) + b"\n" for oid in sorted(unique))
    path.write_bytes(bz2.compress(data) if path.name.endswith(".bz2") else data)


def stem(path: Path) -> str | None:
    """The name of a recording's target, context included; None for other files."""
    return next((path.name.removesuffix(s) for s in reversed(SUFFIXES) if path.name.endswith(s)), None)
