"""Numbers in bit maps, such as lists of ports and of VLANs."""

from __future__ import annotations

import re

from collectors.transport.answers import Value

_HEX_TEXT = re.compile(rb"[0-9a-fA-F]{2}([ :][0-9a-fA-F]{2})+ ?")
_NUMBERS = re.compile(rb"\d{1,9}(,\d{1,9})+")


def members(value: Value, first: int = 1) -> list[int]:
    """Numbers in a bit map: the most significant bit of the first octet is `first`.

    Some agents send it as hexadecimal text; Junos lists numbers, `4102,4104,0`.
    """
    octets = value if isinstance(value, bytes) else b""
    if _NUMBERS.fullmatch(octets):
        return [int(number) for number in octets.split(b",")]
    if _HEX_TEXT.fullmatch(octets):
        octets = bytes.fromhex(octets.decode().replace(":", " "))
    return [first + 8 * at + bit for at, octet in enumerate(octets) if octet for bit in range(8) if octet & 0x80 >> bit]
