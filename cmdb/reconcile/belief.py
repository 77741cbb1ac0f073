"""How far a relationship is believed, and when nobody's word holds it up any more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cmdb.changes import LinkFacet
from cmdb.model.absence import HOUR_MS
from cmdb.model.policy import Policy
from cmdb.observation import split_origin


def confidence(facets: Mapping[str, LinkFacet], seen: Mapping[str, int], policy: Policy, now: int) -> float:
    """Belief in a relationship, 0 to 1: 1 − Π(1 − belief of each target that a source asked about it).

    The belief of one is that of the method by which it saw the relationship, halved for each whole period of the method
    since it did (`sightings` of the policy): whole periods, so that it does not change from one second to the next.
    Several methods at one target are one witness, the strongest counts. `seen` maps origins to times in ms; a tie to a
    parent has no facets and is seen as often as its child.
    """
    witnesses: dict[tuple[str, str], float] = {}
    for origin, at in seen.items():
        facet = facets.get(origin)
        sighting = policy.sighting(facet.method if facet else "")
        overdue = max(0, now - at) // (sighting.period_h * HOUR_MS)
        who = split_origin(origin)
        witnesses[who] = max(witnesses.get(who, 0.0), sighting.belief * 0.5 ** min(overdue, 60))
    doubt = 1.0
    for belief in witnesses.values():
        doubt *= 1 - belief
    return round(1 - doubt, 4)


def is_confirmed(facets: Mapping[str, LinkFacet], seen: Mapping[str, int], policy: Policy, now: int) -> bool:
    """Whether anybody repeated a relationship within the period of the method by which it was seen."""
    for origin, at in seen.items():
        facet = facets.get(origin)
        if now - at < policy.sighting(facet.method if facet else "").period_h * HOUR_MS:
            return True
    return False


def is_sure(facets: Mapping[str, LinkFacet], seen: Mapping[str, int], policy: Policy, now: int) -> bool:
    """Whether a relationship counts as certain: confirmed in time, and believed as much as the policy asks."""
    return is_confirmed(facets, seen, policy, now) and confidence(facets, seen, policy, now) >= policy.sure_from


def sure_by(policy: Policy) -> Callable[[Mapping[str, LinkFacet], Mapping[str, int], int], bool]:
    """`is_sure` by one policy: (facets, when each was seen, now)."""
    return lambda facets, seen, now: is_sure(facets, seen, policy, now)


def has_ended(type_: str, facet: LinkFacet, seen: int, policy: Policy, now: int) -> bool:
    """Whether what one origin said of a relationship ends, since it did not repeat it for so long."""
    after = policy.ends_after(type_, facet.method)
    return after is not None and now - (facet.seen or seen) >= after
