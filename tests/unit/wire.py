"""Requests and replies as bytes, and a small agent, for tests of the responders."""

from __future__ import annotations

from collections.abc import Iterable

from collectors.responders import ber, pdu
from collectors.responders.agent import Agent, Faults
from collectors.responders.ber import Oid
from collectors.responders.mib import Entry, Mib
from collectors.responders.responder import Responder

SYS_DESCR: Oid = (1, 3, 6, 1, 2, 1, 1, 1, 0)
UPTIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
IN_OCTETS: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 10)
HC_OCTETS: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6)
TABLE: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
ENGINE = bytes.fromhex("80001f8880a1b2c3d4e5f6")


def table(rows: int = 10) -> Mib:
    entries = [Entry(SYS_DESCR, ber.OCTETS, b"router"), Entry(UPTIME, ber.TIME_TICKS, 500)]
    for row in range(1, rows + 1):
        entries.append(Entry((*TABLE, 2, row), ber.OCTETS, b"port %d" % row))
        entries.append(Entry((*IN_OCTETS, row), ber.COUNTER32, 0xFFFFFFFF))
        entries.append(Entry((*HC_OCTETS, row), ber.COUNTER64, row))
    return Mib(reversed(entries))


def ask(
    tag: int, oids: Iterable[Oid], first: int = 0, second: int = 0, version: int = 1, community: str = "public"
) -> bytes:
    held = [ber.varbind(oid, ber.value(ber.NULL, None)) for oid in oids]
    body = pdu.encode(77, first, second, held, tag)
    return ber.sequence(ber.integer(version), ber.octets(community.encode()), body)


def reply(data: bytes | None) -> tuple[int, int, list[tuple[Oid, int, ber.Value]]]:
    """Error status, error index and varbinds of a version 1 or 2c response."""
    assert data is not None
    _, here, end = ber.read(data, 0, len(data))
    _, here = ber.read_int(data, here, end)
    _, here = ber.read_octets(data, here, end)
    _, here, end = ber.read(data, here, end, pdu.RESPONSE)
    request_id, here = ber.read_int(data, here, end)
    assert request_id == 77
    status, here = ber.read_int(data, here, end)
    index, here = ber.read_int(data, here, end)
    _, here, end = ber.read(data, here, end)
    varbinds = []
    while here < end:
        _, inner, here = ber.read(data, here, end)
        name, inner = ber.read_oid(data, inner, here)
        varbinds.append((name, *ber.read_value(data, inner, here)[:2]))
    return status, index, varbinds


def responder(faults: Faults | None = None, **more: object) -> Responder:
    options: dict[str, object] = {"mib": table(), "communities": ("public",), "faults": faults, **more}
    return Responder(Agent(**options), lambda: 0.0)  # type: ignore[arg-type]  # a table of options
