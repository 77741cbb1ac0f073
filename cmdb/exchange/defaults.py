"""Requirements that follow from relationships and the model, as lines of an export."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.exchange.lines import Line
from cmdb.topology import Topology


def default_requirement_lines(topology: Topology) -> Iterator[Line]:
    """The lines of all requirements of origin `default`; an import leaves them out and derives them anew."""
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
