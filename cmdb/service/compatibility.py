"""Which targets of a release run what it was tested with, and which run something else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from cmdb.service.releases import targets_of, tested_of
from cmdb.service.version_order import fits_version, version_order
from cmdb.service.versions import versions_on
from cmdb.store.protocol import CIRef, GraphStore, StoredRecord
from cmdb.topology import Topology

MOST_NAMED = 200


class Presence(msgspec.Struct, frozen=True):
    """One version on the targets of a release. `version` is "" where nothing is known; `cis` names the first 200."""

    what: str
    version: str
    tested: bool
    count: int
    cis: tuple[CIRef, ...]


class Compatibility(msgspec.Struct, frozen=True):
    """The versions on the targets against those tested, what was not tested first.

    Of `targets`, `untested` run a version that was not tested, and of `unknown` others it is not known of all; `gone`
    are not there any more.
    """

    targets: int
    untested: int
    unknown: int
    gone: int
    versions: tuple[Presence, ...]


def compatibility(store: GraphStore, topology: Topology, release: StoredRecord) -> Compatibility:
    """Hold the versions that are present on the targets against those that the release was tested with."""
    ids = targets_of(store, release)
    cis = [ci for ci in store.cis(ids) if ci.status != "retired"]
    tested: dict[str, set[str]] = defaultdict(set)
    for fact in tested_of(release):
        tested[fact.what].add(fact.version)
    present = versions_on(store, topology, cis, tested)
    found: dict[tuple[str, str, bool], list[CIRef]] = defaultdict(list)
    bad, unknown = set[str](), set[str]()
    for ci in cis:
        ref = CIRef(ci.id, ci.ci_class, ci.name)
        for what, allowed in tested.items():
            versions = present[ci.id][what]
            for version in versions or ("",):
                found[what, version, _is_among(version, allowed)].append(ref)
            if not versions:
                unknown.add(ci.id)
            elif not all(_is_among(version, allowed) for version in versions):
                bad.add(ci.id)
    order = sorted(found, key=lambda key: (key[2], key[1] == "", key[0], version_order(key[1]), key[1]))
    rows = tuple(Presence(*key, len(found[key]), tuple(found[key][:MOST_NAMED])) for key in order)
    return Compatibility(len(ids), len(bad), len(unknown - bad), len(ids) - len(cis), rows)


def _is_among(version: str, tested: Iterable[str]) -> bool:
    return version != "" and any(fits_version(wanted, version) for wanted in tested)
