"""Brings values of attributes to their one normal form."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cmdb.model.definitions import LIST_TYPES, Attribute

Normalise = Callable[[Any], Any]  # a value -> its normal form, None where it says nothing; raises Unfit

MAX_TEXT = 4000  # bytes of UTF-8; the longest sysDescr seen has 1,100
MAX_ENTRIES = 1000
_QUICK = 1000  # characters: at most 4 bytes each, so no longer than MAX_TEXT
_SAFE = 2**53 - 1  # what JSON readers and GraphQL's BigInt keep exact
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_MAC_FORMS = re.compile(
    r"[0-9a-f]{1,2}([:-])(?:[0-9a-f]{1,2}\1){4}[0-9a-f]{1,2}"  # 0:1d:e5:84:98:c0, 00-1D-E5-84-98-C0
    r"|(?:[0-9a-f]{4}[.:-]){2}[0-9a-f]{4}"  # 001d.e584.98c0
    r"|[0-9a-f]{12}"
)
_NO_MAC = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")


class Unfit(ValueError):
    """A value that does not fit its attribute; `kept` is what can be used of it all the same."""

    def __init__(self, message: str, kept: Any = None) -> None:
        super().__init__(message)
        self.kept = kept


def string(value: Any) -> str | None:
    """Trim text and take out control characters (line breaks and tabs stay); empty text is no value."""
    if type(value) is not str:
        advice = "; put it in quotes" if isinstance(value, bool | int | float) else ""
        raise Unfit(f"takes text, not {_kind(value)}{advice}")
    value = value.strip()
    if value.isprintable() and len(value) <= _QUICK:
        return value or None
    return _long_string(value)


def _long_string(value: str) -> str | None:
    text: str = _UNPRINTABLE.sub("", value).strip()
    raw = text.encode()
    if len(raw) <= MAX_TEXT:
        return text or None
    kept = raw[:MAX_TEXT].decode(errors="ignore").rstrip()
    raise Unfit(f"is longer than {MAX_TEXT:,} bytes; the rest was cut off", kept)


def integer(minimum: int | None, maximum: int | None) -> Normalise:
    """Whole numbers from `minimum` to `maximum`, both included; without them, those that JSON readers keep exact."""
    low = -_SAFE if minimum is None else minimum
    high = _SAFE if maximum is None else maximum

    def whole(value: Any) -> int | None:
        if type(value) is not int:
            value = _to_int(value)
        if value is None or low <= value <= high:
            return value  # type: ignore[no-any-return]  # an int or None by now
        raise Unfit(f"must be from {low:,} to {high:,}")

    return whole


def _to_int(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if _WHOLE.fullmatch(text):
            return int(text)
    elif isinstance(value, float) and value.is_integer():
        return int(value)
    raise Unfit(f"takes a whole number, not {_kind(value)}")


def number(value: Any) -> float | None:
    """Any finite number."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = float(value)
        except ValueError:
            raise Unfit("takes a number, not text") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"takes a number, not {_kind(value)}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise Unfit("takes a finite number")
    return found


_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def boolean(value: Any) -> bool | None:
    """True or false, also as one of the words true, false, yes, no."""
    if type(value) is bool:
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if not word:
            return None
        if word in _TRUTH:
            return _TRUTH[word]
    raise Unfit("takes true or false")


def enum(values: tuple[str, ...]) -> Normalise:
    """One of a few words; case, spaces and hyphens do not matter."""
    known = {v: v for v in values}

    def one_of(value: Any) -> str | None:
        if type(value) is str:
            if value in known:
                return value
            word = "_".join(value.strip().lower().replace("-", " ").split())
            if not word or word in known:
                return word or None
        raise Unfit(f"takes one of {', '.join(values)}")

    return one_of


def mac(value: Any) -> str | None:
    """A 48-bit MAC address as `00:1d:e5:84:98:c0`; all zero and broadcast say nothing."""
    if type(value) is str and _MAC.fullmatch(value):
        return None if value in _NO_MAC else value
    text = value.strip().lower() if isinstance(value, str) else None
    if text == "":
        return None
    if text is None or not _MAC_FORMS.fullmatch(text):
        raise Unfit("takes a MAC address such as 00:1d:e5:84:98:c0")
    parts = re.split(r"[:-]", text)
    digits = "".join(p.zfill(2) for p in parts) if len(parts) == 6 else re.sub(r"[.:-]", "", text)
    found = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    return None if found in _NO_MAC else found


def inet_address(value: Any) -> str | None:
    """An IPv4 or IPv6 address in canonical text (RFC 5952), without prefix and zone."""
    if not isinstance(value, str):
        raise Unfit("takes an IP address as text, such as 10.20.0.1")
    return _address(value.strip()) if value.strip() else None


@lru_cache(maxsize=65_536)
def _address(text: str) -> str:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        hint = "; the prefix length is an attribute of its own" if "/" in text else ""
        raise Unfit(f"takes an IP address such as 10.20.0.1 or 2001:db8::1{hint}") from None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return f"::ffff:{found.ipv4_mapped}"  # Python 3.13 writes it so, 3.11 does not
    return str(found)


def cidr(value: Any) -> str | None:
    """An IP network in canonical text; host bits become zero."""
    if not isinstance(value, str):
        raise Unfit("takes a network as text, such as 10.20.0.0/22")
    text = value.strip()
    if not text:
        return None
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        found = None
    if found is None or "/" not in text:
        raise Unfit("takes a network with its prefix length, such as 10.20.0.0/22")
    return f"{_address(str(found.network_address))}/{found.prefixlen}"


def timestamp(value: Any) -> str | None:
    """A point in time as `2026-11-23T14:00:00.000Z`; takes ISO 8601 with a zone, or epoch milliseconds."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
    elif isinstance(value, datetime):  # YAML reads an unquoted one so
        moment = value
    else:
        moment = _from_epoch(value)
    if moment is None or moment.tzinfo is None:
        raise Unfit("takes a time with its zone, such as 2026-11-23T14:00:00Z")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise Unfit("takes a time of the years 1 to 9999") from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _from_epoch(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def several(one: Normalise) -> Normalise:
    """A list, sorted and without repetitions; a single value is a list of one."""

    def entries(value: Any) -> list[Any] | None:
        given = value if isinstance(value, list | tuple | set | frozenset) else (value,)
        found: set[Any] = set()
        wrong = ""
        for entry in given:
            try:
                found.add(one(entry))
            except Unfit as error:
                wrong = wrong or f"has an entry that does not fit and was left out: it {error}"
                found.add(error.kept)
        kept = sorted(found - {None})
        if len(kept) > MAX_ENTRIES:
            raise Unfit(f"has more than {MAX_ENTRIES:,} entries; the rest was left out", kept[:MAX_ENTRIES])
        if wrong:
            raise Unfit(wrong, kept or None)
        return kept or None

    return entries


_PLAIN: Mapping[str, Normalise] = {
    "string": string,
    "number": number,
    "boolean": boolean,
    "mac": mac,
    "inet_address": inet_address,
    "cidr": cidr,
    "timestamp": timestamp,
}


def normaliser(attribute: Attribute) -> Normalise:
    """The function that brings values of an attribute to their normal form."""
    if attribute.type in LIST_TYPES:
        return several(_of_type(LIST_TYPES[attribute.type], attribute))
    return _of_type(attribute.type, attribute)


def _of_type(type_: str, attribute: Attribute) -> Normalise:
    if type_ == "integer":
        return integer(attribute.minimum, attribute.maximum)
    return enum(attribute.values) if type_ == "enum" else _PLAIN[type_]


_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)
