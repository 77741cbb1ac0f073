"""What an agent knows: varbinds in order, encoded once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from copy import copy
from ipaddress import IPv4Address
from typing import NamedTuple

from cmdb.errors import Invalid
from collectors.responders import ber
from collectors.responders.ber import Oid, Value

SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)


class Entry(NamedTuple):
    """One varbind to be served; tags as in recordings (2, 4, 5, 6, 64–68, 70)."""

    oid: Oid
    tag: int
    value: Value


class Mib:
    """Varbinds in lexicographic order; of several with one OID the last one counts."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        by_oid = {e.oid: e for e in entries}
        self.oids: list[Oid] = sorted(by_oid)
        self.entries = [by_oid[o] for o in self.oids]
        self._elapsed: Callable[[], int] | None = None
        self._uptime_at = self.find(SYS_UP_TIME)
        self._uptime_from = 0 if self._uptime_at is None else int(self.entries[self._uptime_at].value or 0)
        self._encoded = [ber.varbind(e.oid, ber.value(e.tag, e.value)) for e in self.entries]

    def __len__(self) -> int:
        return len(self.oids)

    def find(self, oid: Oid) -> int | None:
        """Position of exactly this object; None if it is not there."""
        at = bisect_left(self.oids, oid)
        return at if at < len(self.oids) and self.oids[at] == oid else None

    def after(self, oid: Oid) -> int:
        """Position of the first object behind `oid`; the number of objects if there is none."""
        return bisect_right(self.oids, oid)

    def has_sibling(self, oid: Oid) -> bool:
        """Whether another instance of the same object is there: noSuchInstance rather than noSuchObject."""
        parent = oid[:-1]
        at = bisect_left(self.oids, parent)
        return bool(parent) and at < len(self.oids) and self.oids[at][: len(parent)] == parent

    def tag(self, at: int) -> int:
        """Tag of the value at a position."""
        return self.entries[at].tag

    def varbind(self, at: int) -> bytes:
        """The encoded varbind at a position."""
        if at == self._uptime_at and self._elapsed:
            entry = self.entries[at]
            ticks = (self._uptime_from + self._elapsed()) % (1 << 32)
            return ber.varbind(entry.oid, ber.value(entry.tag, ticks))
        return self._encoded[at]

    def running(self, elapsed: Callable[[], int]) -> Mib:
        """The same varbinds with a sysUpTime that is `elapsed` hundredths of a second past the recorded one."""
        clone = copy(self)
        clone._elapsed = elapsed
        return clone

    def restart(self) -> None:
        """Let sysUpTime begin at 0, not at what was recorded."""
        self._uptime_from = 0


def parse_lines(lines: Iterable[str | bytes], name: str = "recording") -> list[Entry]:
    """Read recording lines `OID|TAG|VALUE` (tag `4x`: hex); empty ones are skipped, bad ones refused."""
    entries: list[Entry] = []
    for number, line in enumerate(lines, 1):
        text = (line.encode() if isinstance(line, str) else line).decode("latin-1").rstrip("\r\n")
        if not text:
            continue
        try:
            oid, tag, value = text.split("|", 2)
            entries.append(_entry(ber.parse_oid(oid), tag, value))
        except ValueError as error:
            raise Invalid(f"{name}: line {number}: {error}; expected OID|TAG|VALUE") from error
        except ber.Undecodable as error:
            raise Invalid(f"{name}: line {number}: {error}") from error
    return entries


def _entry(oid: Oid, tag: str, text: str) -> Entry:
    """One line in parts as a varbind; each character of `text` stands for one byte."""
    number = int(tag.removesuffix("x"))
    raw = bytes.fromhex(text) if tag.endswith("x") else text.encode("latin-1")
    if number in (ber.OCTETS, ber.OPAQUE):
        return Entry(oid, number, raw)
    if number == ber.NULL:
        return Entry(oid, number, None)
    if number == ber.IP_ADDRESS:
        return Entry(oid, number, str(IPv4Address(raw if tag.endswith("x") else raw.decode())))
    if number == ber.OID:
        return Entry(oid, number, raw.decode().lstrip("."))
    if number in (ber.INTEGER, ber.COUNTER32, ber.GAUGE32, ber.TIME_TICKS, ber.COUNTER64):
        return Entry(oid, number, int(raw.decode()))
    raise ValueError(f"unknown tag {tag!r}")
