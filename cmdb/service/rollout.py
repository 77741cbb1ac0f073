"""What became of a release: what its CIs run now against what they should, what else changed, incidents since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from cmdb.baselines import Baseline, read_baselines
from cmdb.diff import differences
from cmdb.errors import Invalid
from cmdb.history import FactChange
from cmdb.model.registry import Model
from cmdb.observation import origin_of
from cmdb.service.lifecycle import INCIDENT, number_of
from cmdb.service.releases import contents_of, targets_of
from cmdb.service.verdicts import fresh_facets
from cmdb.service.version_order import same_version
from cmdb.service.versions import INSTALLED_ON, Fact, versions_on
from cmdb.store.protocol import CIRecord, CIRef, GraphStore, Moment, StoredRecord
from cmdb.topology import Topology

Verdict = Literal["done", "different", "not_done", "unseen", "gone"]
MOST_EXTRA = 200


class Row(msgspec.Struct, frozen=True):
    """One version that one target should have, and the versions that it has.

    different: it changed to another one; not_done: it did not change; unseen: no complete visit saw it since the
    deployment began; gone: it is not there any more.
    """

    ci: CIRef
    what: str
    expected: str
    found: tuple[str, ...]
    verdict: Verdict


class Outcome(msgspec.Struct, frozen=True):
    """A release after its deployment began (`since`, epoch ms). `extra` are other differences since the baseline.

    The first 200 of these are kept, `extra_count` counts all; `incidents` were opened since then on CIs that it
    touched.
    """

    baseline: Baseline
    since: int
    sequence: int
    rows: tuple[Row, ...]
    extra: tuple[FactChange, ...]
    extra_count: int
    incidents: tuple[StoredRecord, ...]


def outcome(store: GraphStore, model: Model, topology: Topology, release: StoredRecord) -> Outcome:
    """Compare the CIs of a release, with their parts, with its baseline and its versions. Raises Invalid."""
    since = deployed_at(release)
    baseline = baseline_of(store, release)
    if since is None or baseline is None:
        raise Invalid(f"{number_of(release)} is {release.state}; there is no outcome before it is deployed")
    head = store.head()
    targets = targets_of(store, release)
    touched = set(store.contents(targets, located=False)) | set(targets)
    volatile = {name for c in model.classes.values() for name, a in c.attributes.items() if "volatile" in a.flags}
    facts = [
        fact
        for fact in differences(
            store, model, baseline.moment, Moment(head.sequence, head.at), lambda ids: ids & touched
        )
        if fact.attribute not in volatile
    ]
    contents = contents_of(release)
    rows = _rows(store, topology, targets, contents, facts, since)
    explained = _explained(store, contents, facts)
    extra = [fact for n, fact in enumerate(facts) if n not in explained]
    incidents = [
        r for r in store.records_about(sorted(touched), (INCIDENT,)) if r.at >= since and r.state != "cancelled"
    ]
    return Outcome(baseline, since, head.sequence, rows, tuple(extra[:MOST_EXTRA]), len(extra), tuple(incidents))


def deployed_at(release: StoredRecord) -> int | None:
    """When its deployment began, epoch ms; None: it did not."""
    return next((step["at"] for step in release.body["steps"] if step["to"] == "deploying"), None)


def baseline_of(store: GraphStore, release: StoredRecord) -> Baseline | None:
    """The baseline that was taken for a release; None: there is none, or it was dropped."""
    id_ = release.body.get("baseline")
    return next(iter(read_baselines(store, [id_])), None) if id_ else None


def _rows(
    store: GraphStore,
    topology: Topology,
    targets: Sequence[str],
    contents: Sequence[Fact],
    facts: Sequence[FactChange],
    since: int,
) -> tuple[Row, ...]:
    known = {ci.id: ci for ci in store.cis(targets)}
    there = [ci for ci in known.values() if ci.status != "retired"]
    present = versions_on(store, topology, there, [fact.what for fact in contents])
    seen = _seen(store, there, since)
    changed = {(fact.ci, fact.attribute) for fact in facts if fact.attribute}
    moved = {fact.other for fact in facts if fact.relationship_type == INSTALLED_ON}
    rows = []
    for id_ in targets:
        ci = known.get(id_)
        ref = CIRef(id_, ci.ci_class if ci else "", ci.name if ci else id_)
        for fact in contents:
            found = present.get(id_, {}).get(fact.what, ())
            is_moved = id_ in moved if fact.product else (id_, fact.what) in changed
            verdict: Verdict = "gone"
            if id_ in present:
                verdict = _verdict(fact.version, found, is_moved, id_ in seen)
            rows.append(Row(ref, fact.what, fact.version, found, verdict))
    return tuple(rows)


def _verdict(expected: str, found: Sequence[str], is_moved: bool, is_seen: bool) -> Verdict:
    if len(found) == 1 and same_version(found[0], expected):
        return "done"
    if not is_seen:
        return "unseen"
    return "different" if is_moved else "not_done"


def _seen(store: GraphStore, cis: Iterable[CIRecord], since: int) -> set[str]:
    """Those that a complete visit saw since a time."""
    listed = list(cis)
    origins = {origin_of(facet) for ci in listed for facet in ci.facets}
    states = store.targets(origins) if origins else {}
    return {ci.id for ci in listed if fresh_facets(ci, states, since)}


def _explained(store: GraphStore, contents: Sequence[Fact], facts: Sequence[FactChange]) -> set[int]:
    """Positions of the differences that the release is about."""
    wanted: Mapping[str, str] = {fact.what: fact.version for fact in contents if not fact.product}
    products = {fact.product for fact in contents if fact.product}
    installed = {fact.ci for fact in facts if fact.relationship_type == INSTALLED_ON}
    names = {ci: label.name.lower() for ci, label in store.labels(installed).items()} if installed and products else {}
    return {
        n
        for n, fact in enumerate(facts)
        if (fact.attribute in wanted and same_version(str(fact.after), wanted[fact.attribute]))
        or (fact.relationship_type == INSTALLED_ON and names.get(fact.ci) in products)
    }
