"""Ask about an assembled estate."""

from __future__ import annotations

from random import Random
from typing import Any

from cmdb.impact.answer import Impact, Seed
from cmdb.impact.evaluate import MOST_ENTRIES, evaluate
from cmdb.topology import Topology
from tests.impact import generate
from tests.impact.estate import Estate


def ask(topology: Topology, kinds: dict[str, Any], **options: Any) -> Impact:
    """The whole answer to what happens to these CIs; `kinds` maps them to DOWN, MAINTENANCE, …"""
    seeds = [Seed(ci, kind) for ci, kind in kinds.items()]
    return evaluate(topology, seeds, **{"first": MOST_ENTRIES, **options})


def states(answer: Impact) -> dict[str, str]:
    """State of each impacted CI."""
    return {node.ci.id: node.state for node in answer.nodes}


def draw(rng: Random, number: int) -> Estate:
    """A random estate of either sort."""
    return generate.anything(rng) if number % 2 else generate.redundant(rng)
