"""Random small estates as reports, for properties that must hold for all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from cmdb.observation import Link, Observation, Report, path
from tests.reports import device, port, report

NAMES = ("a", "b", "c", "d")
PORTS = ("1", "2", "3")
SOURCES = ("snmp", "ssh")


def key(name: str) -> str:
    return f"serial:x:{name.upper()}"


@st.composite
def links(draw: st.DrawFn, name: str) -> tuple[Link, ...]:
    """Cables from a port to ports of others, or to the devices themselves."""
    far = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from((*PORTS, ""))), max_size=2, unique=True))
    return tuple(
        Link("CONNECTED_TO", path(key(other), "Interface", number) if number else key(other), method="lldp")
        for other, number in far
        if other != name
    )


@st.composite
def visit(draw: st.DrawFn, at: int) -> Report:
    """What one source says of one device: its ports, their cables, and sometimes what it merely told of."""
    name, source = draw(st.sampled_from(NAMES)), draw(st.sampled_from(SOURCES))
    values = draw(
        st.dictionaries(st.sampled_from(("vendor", "model", "os_version")), st.sampled_from("xyz"), max_size=2)
    )
    shared = draw(st.sampled_from(((), ("chassis-id:mac:s",), (f"sysname:{name}",))))
    said: list[Observation] = [device(name, key(name), f"target:{name}", *shared, **values)]
    for number in draw(st.lists(st.sampled_from(PORTS), unique=True, max_size=3)):
        alias = draw(st.sampled_from((None, "up", "down")))
        said.append(port(key(name), number, draw(links(name)), **({"alias": alias} if alias else {})))
    complete = draw(st.booleans())
    return report(name, at, *said, source=source, complete=complete)


@st.composite
def estates(draw: st.DrawFn, least: int = 3, most: int = 8, start: int = 1) -> list[Report]:
    """Visits in the order of their times."""
    return [draw(visit(start + n)) for n in range(draw(st.integers(least, most)))]
