"""What a scan is asked about: CIs by id, bounds checked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.topology import Topology
from cmdb.topology.census import by_class

MOST_ENTRIES = 10_000
SERVICE = "Service"


def check_first(first: int, most: int = MOST_ENTRIES) -> None:
    """Refuse a length of lists that makes no sense; raises LimitExceeded."""
    if not 1 <= first <= most:
        raise LimitExceeded(f"first is {first:,}; give 1 to {most:,}")


def living(topology: Topology, ci: str) -> int:
    """Number of a CI that is there; raises NotFound or Invalid."""
    number = topology.find(ci)
    if number is None:
        raise NotFound(f"no CI has the id {ci!r}; it may be newer than commit {topology.sequence}")
    node = topology.facts.nodes[number]
    if not node.is_there:
        raise Invalid(f"{node.name} ({node.id}) is retired: nothing rests on it, and it rests on nothing; leave it out")
    return number


def all_living(topology: Topology, classes: Sequence[str] = ()) -> list[int]:
    """All CIs that are there and that people know; with `classes`, of these and what is derived from them.

    Raises an error of the model for a class that does not exist.
    """
    there = by_class(topology.facts.nodes)
    fits = there.keys() - topology.policy.internal
    if classes:
        model = topology.policy.model
        wanted = {model.ci_class(name).name for name in classes}
        fits = {name for name in fits if wanted.intersection(model.ancestry(name))}
    return sorted(chain.from_iterable(there[name] for name in fits))


def criticality(topology: Topology, ci: int) -> int:
    """1 to 4; what nobody rated is 1."""
    value = topology.facts.nodes[ci].values.get("criticality")
    return min(4, max(1, value)) if isinstance(value, int) else 1
