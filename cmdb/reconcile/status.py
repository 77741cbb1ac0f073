"""The status of a CI, and the evidence for it: pure, from its facets."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cmdb.changes import LOST, RETIRED, RUNS, SILENT, STALE, Facet
from cmdb.model.registry import Model
from cmdb.observation import split_origin
from cmdb.reconcile.merge import STATUS, rank

CLAIMS = ("planned", "in_stock", "in_service", "retired")  # missing is nobody's to claim


class Evidence(msgspec.Struct, frozen=True):
    """Why a CI has its status: since when (epoch ms), what decided, and the origins that it rests on."""

    status: str
    since: int
    text: str
    origins: tuple[str, ...]


def status_of(facets: Mapping[str, Facet], ci_class: str, model: Model) -> str:
    """The status that the facets give; see `evidence`."""
    return evidence(facets, ci_class, model).status


def evidence(facets: Mapping[str, Facet], ci_class: str, model: Model) -> Evidence:
    """The status of a CI and why.

    In this order: a person says that it is retired; somebody sees it, or nobody has missed it for long enough (the
    stale word of one does not outweigh that another one misses it); it is
    claimed to be in service, in stock or (while nobody has ever seen it) planned; people state it, and nobody ever saw
    it; it was missed for long enough to be retired; it is missing.
    """
    claim = _claim(facets, ci_class, model)
    if claim is not None and claim.status == "retired":
        return claim
    presence = {o: model.policy.presence(split_origin(o)[0]) for o in facets}
    witnesses = {o: f for o, f in facets.items() if presence[o] == "seen" and STATUS not in (f.attributes or ())}
    seeing = {o: f for o, f in witnesses.items() if LOST not in f.marks}
    if len(seeing) < len(witnesses):  # where one misses it, the old word of another does not hold it
        seeing = {o: f for o, f in seeing.items() if STALE not in f.marks}
    if seeing:
        return _in_service(seeing)
    if claim is not None and (claim.status != "planned" or not witnesses):
        return claim
    stated = {o: f for o, f in facets.items() if presence[o] == "stated" and f.gone is None}
    if stated and not witnesses:
        return Evidence("in_service", min(f.since for f in stated.values()), "stated by people", tuple(sorted(stated)))
    return _missing(facets)


def _claim(facets: Mapping[str, Facet], ci_class: str, model: Model) -> Evidence | None:
    claims = {o: f for o, f in facets.items() if STATUS in (f.attributes or ()) and f.gone is None}
    if not claims:
        return None
    best = max(claims, key=lambda o: rank(o, claims[o], ci_class, STATUS, model.precedence))
    said = (claims[best].attributes or {})[STATUS]
    return Evidence(said, claims[best].since, f"{split_origin(best)[0]} says so", (best,))


def _in_service(seeing: Mapping[str, Facet]) -> Evidence:
    live = sorted(o for o, f in seeing.items() if f.gone is None)
    if live:
        return Evidence("in_service", min(seeing[o].since for o in live), f"seen by {', '.join(live)}", tuple(live))
    first = min(f.gone or 0 for f in seeing.values())
    text = f"no longer seen by {', '.join(sorted(seeing))}, but not missed for long enough"
    return Evidence("in_service", first, text, tuple(sorted(seeing)))


def _missing(facets: Mapping[str, Facet]) -> Evidence:
    lost = {o: f for o, f in facets.items() if LOST in f.marks}
    if not lost:
        return Evidence("missing", 0, "nobody says anything of it any more", ())
    retired = {o: f.marks[RETIRED] for o, f in lost.items() if RETIRED in f.marks}
    text = "; ".join(_missed(origin, lost[origin]) for origin in sorted(lost))
    if retired:
        return Evidence("retired", min(retired.values()), f"missing for long enough: {text}", tuple(sorted(lost)))
    return Evidence("missing", max(f.marks[LOST] for f in lost.values()), text, tuple(sorted(lost)))


def _missed(origin: str, facet: Facet) -> str:
    runs = facet.marks.get(RUNS, 1)
    if SILENT in facet.marks:
        return f"the target of {origin} did not answer in {runs} complete run{'s' * (runs > 1)}"
    return f"{origin} did not see it in {runs} complete run{'s' * (runs > 1)}"
