"""What follows from relationships and the model, as lines of an export: requirements, and roots that nobody stated."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.exchange.lines import FOUND, Line, plane_line
from cmdb.topology import Topology


def default_lines(topology: Topology) -> Iterator[Line]:
    """The lines of planes of which no root is stated, and of all requirements of origin `default`.

    An import leaves them out and derives them anew.
    """
    for plane in topology.planes():
        if plane.roots and not plane.is_stated:
            yield {**plane_line(plane.name, (root.id for root in plane.roots)), "origin": FOUND}
    for requirement in topology.requirements("DEFAULT"):
        yield {
            "kind": "requirement",
            "id": requirement.id,
            "owner": requirement.owner.id,
            "needed": requirement.needed,
            "providers": [
                {"ci": p.ci.id, "connected": p.connected} if p.connected else {"ci": p.ci.id, "weight": p.weight}
                for p in requirement.providers
            ],
            "on_loss": requirement.on_loss.lower(),
            "pass": requirement.pass_.lower(),
            "origin": "default",
            "evidence": [],
        }
