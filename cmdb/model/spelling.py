"""Different texts that are one value: byte order of UUIDs, case and leading zeros of numbers, names with a domain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from cmdb.model.names import is_placeholder

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Spell = Callable[[str], str]


@lru_cache(maxsize=65_536)
def swapped_uuid(value: str) -> str:
    """A UUID with its first three fields in the other byte order: SMBIOS before 2.6 did not say which one is meant."""
    if not _UUID.fullmatch(value):
        return value
    first, second, third, rest = value.split("-", 3)
    return "-".join((*(bytes.fromhex(f)[::-1].hex() for f in (first, second, third)), rest))


@lru_cache(maxsize=65_536)
def plain_number(value: str) -> str:
    """A serial number, its maker in front, in capitals, without blanks, and without zeros that only fill it up."""
    maker, colon, number = value.rpartition(":")
    bare = "".join(number.split()).upper()
    return f"{maker}{colon}{bare.lstrip('0') or bare}"


@lru_cache(maxsize=65_536)
def short_name(value: str) -> str:
    """A host name without its domain, in lower case; what is an address, or says nothing so, stays as it is."""
    lower = value.strip().rstrip(".").lower()
    first = lower.partition(".")[0]
    return lower if not first or first.isdigit() or is_placeholder(first) else first


# The other way to write a value; of `uuid` both are as good, of the others it is the plain one.
SPELLINGS: Mapping[str, Spell] = {"uuid": swapped_uuid, "number": plain_number, "name": short_name}
PLAIN = frozenset({"number", "name"})


def common(kind: str, one: Iterable[str], other: Iterable[str]) -> set[str]:
    """The values of one side that the other has too, however they are spelled."""
    first, second = set(one), set(other)
    equal = first & second
    if not kind or len(equal) == len(first):
        return equal
    if kind == "name":
        return _common_names(first, second)
    spell = SPELLINGS[kind]
    found = second | {spell(v) for v in second}
    return {v for v in first if v in found or spell(v) in found}


def _common_names(one: set[str], other: set[str]) -> set[str]:
    """Names that are equal, or of which one lacks the domain; two with different domains are different."""
    first, second = _longest(one), _longest(other)
    return {a for a in first if any(a == b or a.startswith(f"{b}.") or b.startswith(f"{a}.") for b in second)}


def _longest(names: set[str]) -> set[str]:
    """Names without those that are said again with their domain."""
    return {a for a in names if not any(b.startswith(f"{a}.") for b in names)}
