"""Reads the varbinds of enciphered responses with our own decoder, before pysnmp sees them.

pysnmp checks digests and clocks and deciphers; its decoder takes most of the time of a walk. Here it gets responses
whose varbinds but the first are gone, and what our decoder found in their place is taken up afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.transport import ber
from collectors.transport.answers import Varbind


class Reading:
    """The varbinds of the response that is being received."""

    def __init__(self) -> None:
        self.varbinds: list[Varbind] = []

    def over(self, services: Mapping[Any, Any]) -> dict[Any, Any]:
        """Privacy services of pysnmp that also read what they decipher."""
        return {name: _Deciphering(service, self) for name, service in services.items()}

    def completed(self, found: list[Varbind]) -> list[Varbind]:
        """What pysnmp found, with the varbinds that were taken out of its sight."""
        return self.varbinds or found


class _Deciphering:
    """A privacy service as the security model calls it."""

    def __init__(self, service: Any, reading: Reading) -> None:
        self._service, self._reading = service, reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def decrypt_data(self, key: Any, parameters: Any, data: Any) -> bytes:
        """Decipher a scoped PDU and shorten it."""
        short, self._reading.varbinds = shorten(bytes(self._service.decrypt_data(key, parameters, data)))
        return short


def shorten(scoped: bytes) -> tuple[bytes, list[Varbind]]:
    """A scoped PDU (RFC 3412 §6) whose response has only its first varbind left, and all that it had.

    What is no response, has one varbind at most, or can't be read is given back as it is: its reader will complain.
    """
    try:
        at, end = ber.open_element(scoped, 0, len(scoped), ber.SEQUENCE)
        names = ber.skip(scoped, ber.skip(scoped, at, end, ber.OCTETS), end, ber.OCTETS)
        start, stop = ber.open_element(scoped, names, end, ber.RESPONSE)
        first = start
        for _ in range(3):
            _, first = ber.number(scoped, first, stop)
        inner, last = ber.open_element(scoped, first, stop, ber.SEQUENCE)
        found = ber.varbinds(scoped, inner, last)
        if len(found) < 2:
            return scoped, []
        one = scoped[inner : ber.skip(scoped, inner, last, ber.SEQUENCE)]
    except (ber.Undecodable, IndexError, ValueError):
        return scoped, []
    pdu = ber.wrap(ber.RESPONSE, scoped[start:first] + ber.sequence(one))
    return ber.sequence(scoped[at:names], pdu), found
