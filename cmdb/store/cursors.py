"""Marks behind which the next page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from cmdb.errors import Invalid


def make_cursor(values: Sequence[Any], signature: str) -> str:
    """An opaque mark behind these sort values."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode([signature, list(values)])).decode().rstrip("=")


def read_cursor(cursor: str, signature: str, length: int) -> list[Any]:
    """The sort values of a cursor. Raises Invalid for one that was not made for this order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, values = msgspec.msgpack.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=tuple[str, list[str | int]]
        )
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Invalid(f"{cursor[:40]!r} is no cursor: use the one that the page before gave, unchanged") from error
    if made_for != signature or len(values) != length:
        raise Invalid("this cursor belongs to another order: start from the first page")
    return list(values)
