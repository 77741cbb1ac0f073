"""The graph as it will be after a write, as far as the write touches it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from cmdb.changes import MAX_VISITS, Facet, LinkFacet, Pending, PutTask, SetTarget
from cmdb.observation import Identifier, Value, path
from cmdb.reconcile.identify import Suspect
from cmdb.store.protocol import Candidates, KnownCI, TargetState

LinkKey = tuple[str, str, str]  # source id, type, target id; for symmetric types the smaller id first


class Problem(msgspec.Struct, frozen=True):
    """Something in a report that was not taken: where it stood and what was wrong with it."""

    origin: str
    path: str
    field: str
    message: str


class Born(msgspec.Struct, frozen=True):
    """A CI that the write creates."""

    ci_class: str
    parent: str
    local_key: str
    first_seen: int


class Draft:
    """What is known plus what the reports of this write add; every look-up sees the additions."""

    def __init__(self, candidates: Candidates, targets: Mapping[str, TargetState]) -> None:
        self.known: dict[str, KnownCI] = dict(candidates.cis)
        self.paths: dict[str, str] = dict(candidates.by_path)
        self.waiting = candidates.pending
        self.targets: dict[str, TargetState] = dict(targets)
        self.stored_last = {origin: state.last_seen for origin, state in targets.items()}
        self.holders: dict[str, list[tuple[str, bool]]] = {k: list(v) for k, v in candidates.by_key.items()}
        self.born: dict[str, Born] = {}
        self.facets: dict[str, dict[str, Facet]] = {}
        self.links: dict[LinkKey, dict[str, LinkFacet]] = {}
        self.before: dict[LinkKey, tuple[dict[str, Value], dict[str, LinkFacet]]] = {}
        self.add_known(candidates.cis)
        self.tasks: dict[str, PutTask] = {}
        self.problems: list[Problem] = []
        self.pending: list[Pending] = []
        self.arrived: list[Pending] = []
        self.settled: list[tuple[str, str]] = []
        self.set_targets: dict[str, SetTarget] = {}
        self.seen: dict[str, tuple[int, ...]] = {}  # unchanged origins and when they were seen
        self.derive_again: set[str] = set()  # CIs whose values may be others although their facets are as before
        self.resolved: dict[str, dict[str, str]] = {}  # origin -> path in the report -> CI id
        self.rules: dict[tuple[str, str], str] = {}  # (origin, path) -> what decided

    def add_known(self, cis: Mapping[str, KnownCI]) -> None:
        """Take in more of what is known."""
        self.known |= cis
        for ci in cis.values():
            self.before.update(ci.links)
            if ci.parent:
                self.paths[path(ci.parent, ci.ci_class, ci.local_key)] = ci.id

    def see_again(self, origin: str, at: int) -> None:
        """Note that an origin says the same again; what `SEEN` does in the store."""
        state = self.targets[origin]
        if at <= state.last_seen:
            return
        complete = state.complete_at == state.last_seen
        visits = (*state.visits, at)[-MAX_VISITS:] if complete else state.visits
        again = msgspec.structs.replace(
            state, last_seen=at, complete_at=at if complete else state.complete_at, visits=visits
        )
        self.targets[origin] = again
        if (change := self.set_targets.get(origin)) is not None:
            change.last_seen, change.complete_at, change.visits = again.last_seen, again.complete_at, visits
        else:
            self.seen[origin] = (*self.seen.get(origin, ()), at)

    def facets_of(self, ci: str) -> dict[str, Facet]:
        """The facets of a CI, to be changed in place."""
        facets = self.facets.get(ci)
        if facets is None:
            known = self.known.get(ci)
            facets = self.facets[ci] = dict(known.facets) if known else {}
        return facets

    def link_facets(self, link: LinkKey) -> dict[str, LinkFacet]:
        """The facets of a relationship, to be changed in place."""
        facets = self.links.get(link)
        if facets is None:
            before = self.before.get(link)
            facets = self.links[link] = dict(before[1]) if before else {}
        return facets

    def links_from(self, ci: str) -> Iterable[LinkKey]:
        """Relationships of a known CI that it can have said itself."""
        known = self.known.get(ci)
        return list(known.links) if known else ()

    def class_of(self, ci: str) -> str:
        """Class of a CI as far as it is known here, else the empty string."""
        if ci in self.born:
            return self.born[ci].ci_class
        return self.known[ci].ci_class if ci in self.known else ""

    def parent_of(self, ci: str) -> str:
        """The parent of a CI, else the empty string."""
        if ci in self.born:
            return self.born[ci].parent
        return self.known[ci].parent if ci in self.known else ""

    def hold(self, ci: str, identifiers: Iterable[Identifier]) -> None:
        """Let identifiers name a CI from now on."""
        for identifier in identifiers:
            holders = self.holders.setdefault(identifier.key, [])
            if all(c != ci for c, _ in holders):
                holders.append((ci, identifier.strong))

    def suspect(self, ci: str) -> Suspect:
        """A CI as identification sees it."""
        facets = self.facets.get(ci) or (self.known[ci].facets if ci in self.known else {})
        own = tuple(o for o, f in facets.items() if f.role == "self" and f.gone is None)
        identifiers = {i.key: i for f in facets.values() for i in f.identifiers}
        if ci in self.known:
            identifiers.update({i.key: i for i in self.known[ci].identifiers})
        return Suspect(ci, self.class_of(ci), tuple(identifiers.values()), own)

    def find(self, to: str, local: Mapping[str, str]) -> str | None:
        """The CI that a far end names: in the report itself, by identifier, or by path below one; None if unknown or
        shared.
        """
        found = local.get(to)
        if found is not None:
            return found
        key, *steps = to.split("|")
        ci = local.get(key) or self.sole_holder(key)
        while ci and len(steps) >= 2:
            ci = self.paths.get(f"{ci}|{steps[0]}|{steps[1]}")
            steps = steps[2:]
        return ci if ci and not steps else None

    def sole_holder(self, key: str) -> str | None:
        """The one CI that an identifier names; None if there is none or more than one."""
        holders = self.holders.get(key)
        return holders[0][0] if holders and len(holders) == 1 else None
