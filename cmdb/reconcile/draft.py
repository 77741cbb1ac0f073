"""The graph as it will be after a write, as far as the write touches it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from cmdb.changes import MAX_VISITS, Facet, LinkFacet, Pending, PutTask, SetTarget
from cmdb.observation import Identifier, Value, origin_of, path, split_facet_name
from cmdb.reconcile.evidence import Party
from cmdb.reconcile.identify import Decision, Question
from cmdb.reconcile.merge import live_facets
from cmdb.reconcile.questions import task_of
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
        self.apart = candidates.apart
        self.denied: set[tuple[str, str]] = set()  # identifiers that go back to another CI
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
        self.decisions: dict[tuple[str, str], Decision] = {}  # (origin, path) -> how, with the evidence
        self.known_tasks: dict[str, PutTask] = dict(candidates.tasks)
        self.spoken: dict[str, dict[str, tuple[Party, bool]]] = {}  # CI -> origin -> what it says, whether of itself

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

    def facets_seen(self, ci: str) -> Mapping[str, Facet]:
        """The facets of a CI, to be looked at only; none for one that is not known here."""
        return self.facets.get(ci) or (self.known[ci].facets if ci in self.known else {})

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

    def holders_seen_from(self, ci: str | None) -> Mapping[str, list[tuple[str, bool]]]:
        """Who holds which identifier, without the CIs that a person keeps apart from this one."""
        others = self.apart.get(ci or "")
        if not others:
            return self.holders
        return {key: [h for h in held if h[0] not in others] for key, held in self.holders.items()}

    def member(self, ci: str, identifiers: Iterable[Identifier]) -> str:
        """The CI that identifiers meant before `ci` absorbed it; empty where they name `ci` itself."""
        facets = self.facets_seen(ci)
        if not any(">" in name for name in facets):
            return ""
        keys = {i.key for i in identifiers}
        owns = {split_facet_name(n)[0] for n, f in facets.items() if any(i.key in keys for i in f.identifiers)}
        return min(owns, default="")  # its own comes first

    def meant(self, to: str, far: str) -> str:
        """The absorbed CI that a far end means, named by identifier or by a path below one; empty where it is `far`."""
        key, *steps = to.split("|")
        root = self.sole_holder(key)
        own = self.member(root, (Identifier(key),)) if root else ""
        if not own or not steps:
            return own
        facets = self.facets_seen(far)
        return min((o for o in (split_facet_name(n)[0] for n in facets) if o), default="")

    def ask(self, origin: str, name: str, ci: str, question: Question) -> None:
        """Note a question for a person; the same question gives the same task."""
        task = task_of(origin, name, ci, question)
        self.tasks[task.id] = task

    def speak(self, ci: str, origin: str, party: Party, is_own: bool) -> None:
        """Note what an origin says of a CI in this write, before its facet is made."""
        self.spoken.setdefault(ci, {})[origin] = (party, is_own)

    def party(self, ci: str) -> Party:
        """A CI as identification sees it: what its facets and the reports of this write say of it."""
        known = self.known.get(ci)
        spoken = self.spoken.get(ci, {})
        facets = self.facets_seen(ci)
        facets = {n: f for n, f in facets.items() if origin_of(n) not in spoken}
        live = live_facets(facets) if facets else {}
        told = [origin_of(n) for n, f in facets.items() if f.role == "self" and f.gone is None]
        told += [o for o, (_, is_own) in spoken.items() if is_own]
        identifiers: dict[str, Identifier] = {}
        sources: dict[str, str] = {}
        said = [(origin_of(n), f.identifiers) for n, f in facets.items()]
        said += [(o, p.identifiers) for o, (p, _) in spoken.items()]
        for origin, keys in said:
            for one in keys:
                if one.key not in identifiers or one.strong:
                    identifiers[one.key], sources[one.key] = one, origin
        if not identifiers and known is not None:
            identifiers = {i.key: i for i in known.identifiers}
        attributes = [f.attributes or {} for f in live.values()] + [a for p, _ in spoken.values() for a in p.attributes]
        return Party(ci, self.class_of(ci), tuple(identifiers.values()), tuple(told), tuple(attributes), sources)

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
