"""Reports for tests, written as a person would."""

from __future__ import annotations

from cmdb.observation import Identifier, Link, Observation, Report, path

SERIAL = "serial:cisco:FOC1234X0AB"


def device(
    name: str, *keys: str, links: tuple[Link, ...] = (), ci_class: str = "NetworkDevice", **attributes: object
) -> Observation:
    identifiers = tuple(Identifier(k, not k.startswith(("sysname:", "target:"))) for k in keys)
    return Observation(ci_class, keys[0], {"name": name, **attributes}, identifiers, links=links)


def port(parent: str, name: str, links: tuple[Link, ...] = (), **attributes: object) -> Observation:
    return Observation("Interface", name, {"name": name, **attributes}, parent=parent, links=links)


def report(
    target: str,
    at: int,
    *observations: Observation,
    source: str = "snmp",
    complete: bool = True,
    tables: tuple[str, ...] = (),
) -> Report:
    return Report(source, target, at, observations, complete, tables)


REPORTS = [
    report(
        "a",
        10,
        device("a", "serial:x:A", "target:a", vendor="Cisco"),
        port("serial:x:A", "1", links=(Link("CONNECTED_TO", path("serial:x:B", "Interface", "1")),)),
        port("serial:x:A", "2"),
    ),
    report(
        "a",
        20,
        device("a", "serial:x:A", "target:a", vendor="cisco"),
        port("serial:x:A", "1", alias="up", links=(Link("CONNECTED_TO", path("serial:x:B", "Interface", "1")),)),
    ),
    report("b", 15, device("b", "serial:x:B", "target:b"), port("serial:x:B", "1")),
    report("a", 12, device("a1", "serial:x:A", "target:a", os_version="1"), source="ssh"),
    report(
        "m",
        5,
        device(
            "web",
            "service:web",
            ci_class="Service",
            criticality=4,
            links=(Link("DEPENDS_ON", "serial:x:B"), Link("DEPENDS_ON", "serial:x:A")),
        ),
        source="manual",
    ),
    report("b", 30, device("b", "serial:x:B", "target:b"), port("serial:x:B", "1"), port("serial:x:B", "9")),
]
