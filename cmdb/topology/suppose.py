"""What requirements would be if a person stated or dropped one; nothing of the topology changes."""

from __future__ import annotations

from collections.abc import Iterable

from cmdb.topology.graph import Topology
from cmdb.topology.live import Group, Live, providers
from cmdb.topology.policy import ON_LOSS, PASS
from cmdb.topology.rules import groups_of, literal_of
from cmdb.topology.view import Requirement, requirement_view


def suppose_stated(
    topology: Topology, id_: str, owner: str, needed: int, asked: Iterable[tuple[str, int, str]], rules: tuple[str, str]
) -> Requirement | None:
    """The requirement that these (provider, weight, plane or "") would make; None where a CI is unknown here.

    `rules` are what a loss does and how ill health passes, as the model writes them.
    """
    with topology.lock:
        facts, live = topology.facts, topology.live
        number = _numbers(live)
        given = [(facts.numbers.get(ci, -1), weight, plane) for ci, weight, plane in asked]
        by = facts.numbers.get(owner, -1)
        if min(by, *(ci for ci, _, _ in given)) < 0 or any(plane and plane not in number for _, _, plane in given):
            return None
        weights = [(literal_of(facts, number.__getitem__, ci, plane), weight) for ci, weight, plane in given]
        on_loss, passes = ON_LOSS[rules[0]], PASS[rules[1]]
        group = Group(id_, by, needed, providers(weights, by), on_loss, passes, "MANUAL")
        return requirement_view(facts, live, _weighed(live, group))


def suppose_dropped(topology: Topology, owner: str, requirement: str) -> tuple[Requirement, ...]:
    """What would hold for a CI to work without one of its stated requirements, ordered by id."""
    with topology.lock:
        facts, live = topology.facts, topology.live
        by, without = facts.numbers.get(owner, -1), facts.numbers.get(requirement, -1)
        if by < 0:
            return ()
        groups = groups_of(facts, _numbers(live).__getitem__, by, without)
        return tuple(requirement_view(facts, live, _weighed(live, groups[id_])) for id_ in sorted(groups))


def _numbers(live: Live) -> dict[str, int]:
    return {plane.name: plane.number for plane in live.planes}


def _weighed(live: Live, group: Group) -> Group:
    group.weigh(sum(weight for literal, weight in group.providers if live.is_alive(literal)))
    return group
