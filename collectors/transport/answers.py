"""What agents answered, as received: the raw material of the interpreters."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

Oid = tuple[int, ...]
Value = int | str | bytes | None
"""INTEGER, Counter32/64, Gauge32 and TimeTicks are int; OCTET STRING and Opaque bytes; OBJECT IDENTIFIER
(`1.3.6.1`) and IpAddress (`10.0.0.1`) str; NULL None."""


class Varbind(NamedTuple):
    """One instance: `tag` is its BER tag as in recordings (2, 4, 5, 6, 64, 65, 66, 67, 68, 70)."""

    oid: Oid
    tag: int
    value: Value


class Outcome(StrEnum):
    """How the reading of a subtree ended. After the first three nothing is open; after others rows may be missing."""

    COMPLETE = "COMPLETE"
    EMPTY = "EMPTY"  # the object is there, it has no instance
    NO_SUCH_OBJECT = "NO_SUCH_OBJECT"  # the agent does not know the object
    DENIED = "DENIED"
    TIMEOUT = "TIMEOUT"  # nothing came at all
    UNDECODABLE = "UNDECODABLE"  # something came that is no SNMP
    BROKEN = "BROKEN"  # loop, OIDs that go backwards, empty responses, errors
    CUT = "CUT"  # row cap or time budget
    PARTIAL = "PARTIAL"  # stopped half-way


@dataclass
class Walk:
    """The instances below `root`, in the order they came, and how the reading ended."""

    root: Oid
    outcome: Outcome
    varbinds: list[Varbind] = field(default_factory=list)
    detail: str = ""


@dataclass
class Answers:
    """The raw answers of one target; `contexts` holds those of its other SNMP contexts by name."""

    tables: dict[Oid, Walk] = field(default_factory=dict)
    scalars: dict[Oid, Varbind] = field(default_factory=dict)
    contexts: dict[str, Answers] = field(default_factory=dict)

    def column(self, root: Oid) -> dict[Oid, Value]:
        """Values below `root` by index (the arcs behind it); empty if not read. Of duplicates the first counts."""
        walk = self.tables.get(root)
        found: dict[Oid, Value] = {}
        for oid, _, value in walk.varbinds if walk else ():
            found.setdefault(oid[len(root) :], value)
        return found

    def get(self, oid: Oid) -> Value:
        """Value of a scalar; None if the agent does not have it."""
        varbind = self.scalars.get(oid)
        return varbind.value if varbind else None

    def outcome(self, root: Oid) -> Outcome | None:
        """How the reading of a subtree ended; None if nobody asked for it."""
        walk = self.tables.get(root)
        return walk.outcome if walk else None


def dotted(oid: Oid) -> str:
    """An OID as text, `1.3.6.1`."""
    return ".".join(map(str, oid))


def parse_oid(text: str) -> Oid:
    """Text such as `1.3.6.1` or `.1.3.6.1` as an OID; raises ValueError for anything else."""
    return tuple(map(int, text.strip().lstrip(".").split(".")))
