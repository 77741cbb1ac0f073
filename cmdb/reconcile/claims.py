"""What every origin says about a value and why it won or lost: pure, by the ranking that decided the value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from cmdb.changes import Facet
from cmdb.model.registry import Model
from cmdb.observation import Value, split_origin
from cmdb.reconcile.merge import STATUS, Precedence, Rank, live_facets, rank
from cmdb.reconcile.status import evidence

# The field of the rank that decides against a claim → the verdict. OLDER of the schema is never given: since when
# something is said depends on the order in which late reports come, so it decides nothing.
_VERDICTS = {
    "live": "STALE",
    "locked": "LOCKED",
    "own": "LOWER_PRECEDENCE",
    "fresh": "STALE",
    "precedence": "LOWER_PRECEDENCE",
    "direct": "LOWER_PRECEDENCE",
    "origin": "TIE_BROKEN",
}


class Claim(msgspec.Struct, frozen=True):
    """What one origin says about one attribute. `live`: it still says so."""

    origin: str
    value: Value
    precedence: int
    verdict: str
    live: bool


class Disagreement(msgspec.Struct, frozen=True):
    """A value that holds, and a live one that differs and is hidden by it, with the verdict on it."""

    attribute: str
    value: Value
    origin: str
    hidden: Value
    hidden_origin: str
    verdict: str


def claims_of(facets: Mapping[str, Facet], ci_class: str, name: str, precedence: Precedence) -> list[Claim]:
    """All claims about an attribute, the winner first, then those that lost, then those that could not be taken."""
    counted = live_facets(facets)
    said = {o: f for o, f in facets.items() if name in (f.attributes or ())}
    ranks = {o: rank(o, f, ci_class, name, precedence)._replace(live=o in counted) for o, f in said.items()}
    ordered = sorted(said, key=lambda o: ranks[o], reverse=True)
    out = []
    for origin in ordered:
        verdict = "WON" if origin == ordered[0] else _why_lost(ranks[origin], ranks[ordered[0]])
        value = (said[origin].attributes or {})[name]
        out.append(Claim(origin, value, ranks[origin].precedence, verdict, said[origin].gone is None))
    for origin in sorted(o for o, f in facets.items() if name in f.refused):
        value, verdict = facets[origin].refused[name]
        number = precedence(split_origin(origin)[0], ci_class, name)
        out.append(Claim(origin, value, number, verdict, facets[origin].gone is None))
    return out


def _why_lost(lost: Rank, won: Rank) -> str:
    field = next(name for name in Rank._fields if getattr(lost, name) != getattr(won, name))
    return _VERDICTS[field]


def names_of(facets: Iterable[Facet]) -> list[str]:
    """All attributes of which facets say something, also what could not be taken."""
    return sorted({n for f in facets for n in (*(f.attributes or ()), *f.refused)})


def disagreements(facets: Mapping[str, Facet], ci_class: str, model: Model) -> Iterator[Disagreement]:
    """Where a lock or a higher precedence hides a live value that differs; and a retired CI that is still seen."""
    if len(facets) < 2:
        return
    for name in names_of(facets.values()):
        if name == STATUS:
            continue
        live = [c for c in claims_of(facets, ci_class, name, model.precedence) if c.live]
        if not live or live[0].verdict != "WON":
            continue
        won = live[0]
        for claim in live[1:]:
            if claim.verdict in ("LOCKED", "LOWER_PRECEDENCE") and claim.value != won.value:
                yield Disagreement(name, won.value, won.origin, claim.value, claim.origin, claim.verdict)
    found = evidence(facets, ci_class, model)
    if found.status == "retired":
        for origin, facet in sorted(facets.items()):
            if facet.gone is None and not facet.marks and model.policy.presence(split_origin(origin)[0]) == "seen":
                by = found.origins[0] if found.origins else ""
                yield Disagreement(STATUS, "retired", by, "in_service", origin, "LOWER_PRECEDENCE")
