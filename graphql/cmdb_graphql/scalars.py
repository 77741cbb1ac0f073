"""The scalars: plain Python values inside, one canonical text outside."""

from __future__ import annotations

import datetime
import ipaddress
import re
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

DateTime = NewType("DateTime", int)  # epoch milliseconds UTC
BigInt = NewType("BigInt", int)
InetAddress = NewType("InetAddress", str)
CIDR = NewType("CIDR", str)
MacAddress = NewType("MacAddress", str)
AttributeValue = NewType("AttributeValue", object)

_SAFE = 2**53 - 1
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def iso(ms: int | str) -> str:
    """Write epoch milliseconds as ISO 8601 in UTC; attributes of type timestamp are that text already."""
    if isinstance(ms, str):
        return ms
    return (_EPOCH + ms * _MILLISECOND).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def milliseconds(text: object) -> int:
    """Read ISO 8601 with a zone into epoch milliseconds; raise GraphQLError for anything else."""
    try:
        moment = datetime.datetime.fromisoformat(str(text)) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GraphQLError("DateTime takes ISO 8601 with a zone, for example 2026-11-23T14:00:00.000Z")
    return (moment - _EPOCH) // _MILLISECOND


def _big(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _SAFE:
        raise GraphQLError("BigInt takes a whole number between -(2^53 - 1) and 2^53 - 1")
    return value


def _address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise GraphQLError("InetAddress takes an IPv4 or IPv6 address, for example 10.20.0.1") from None


def _network(value: object) -> str:
    try:
        return str(ipaddress.ip_network(str(value)))
    except ValueError:
        raise GraphQLError("CIDR takes a network with host bits zero, for example 10.20.0.0/22") from None


def _mac(value: object) -> str:
    text = str(value).lower()
    if not _MAC.fullmatch(text):
        raise GraphQLError("MacAddress takes six pairs of hexadecimal digits, for example 00:1d:e5:84:98:c0")
    return text


def _attribute(value: object) -> object:
    entries = value if isinstance(value, list) else [value]
    if len(entries) > 1000 or not all(isinstance(e, str | int | float | bool) for e in entries):
        raise GraphQLError("AttributeValue takes text, a number, true, false, or a list of at most 1,000 of these")
    return value


def _same(value: Any) -> Any:
    return value


def _scalar(name: str, description: str, parse: Any, serialize: Any = _same) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=serialize, parse_value=parse)


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: _scalar(
        "DateTime",
        "Point in time: ISO 8601, UTC with `Z`, to the millisecond, for example 2026-11-23T14:00:00.000Z.",
        milliseconds,
        iso,
    ),
    BigInt: _scalar(
        "BigInt",
        "Integer between -(2^53 - 1) and 2^53 - 1, as a JSON number; "
        "for values beyond 32 bits, such as bits per second.",
        _big,
    ),
    InetAddress: _scalar(
        "InetAddress",
        "IPv4 or IPv6 address in canonical text, without prefix or zone; named so because IPAddress is a CI class.",
        _address,
    ),
    CIDR: _scalar(
        "CIDR", "IPv4 or IPv6 network in canonical CIDR text with host bits zero, for example 10.20.0.0/22.", _network
    ),
    MacAddress: _scalar(
        "MacAddress", "48-bit MAC address, lower case with colons, for example 00:1d:e5:84:98:c0.", _mac
    ),
    AttributeValue: _scalar(
        "AttributeValue",
        "Value of an attribute as the class catalogue types it: text, number, true or false, "
        "or a list of at most 1,000 of these; never an object.",
        _attribute,
    ),
}
