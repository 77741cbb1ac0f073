"""One report on its way into the draft: who each observation is about, what it says, and what is no longer said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from cmdb.changes import (
    LOST,
    MAX_VISITS,
    RUNS,
    STALE,
    Absent,
    Facet,
    LinkFacet,
    ManifestEntry,
    Pending,
    SetTarget,
    canonical,
    content_of,
    digest,
)
from cmdb.model.registry import Model
from cmdb.observation import (
    CLASS_TABLE,
    LINKS,
    RUN,
    Identifier,
    Link,
    Observation,
    Report,
    Value,
    facet_name,
    origin_of,
    path,
    path_of,
)
from cmdb.reconcile.draft import Born, Draft, LinkKey, Problem
from cmdb.reconcile.evidence import Party
from cmdb.reconcile.identify import identify
from cmdb.store.protocol import TargetState

NewId = Callable[[], str]


class Visit:
    """One report on its way into the draft."""

    def __init__(self, report: Report, hash_: bytes, draft: Draft, new_id: NewId, model: Model) -> None:
        self.report, self.hash, self.draft, self.new_id, self.model = report, hash_, draft, new_id, model
        self.origin = report.origin
        state = draft.targets.get(self.origin)
        self.state = state
        self.before = state.manifest if state else {}
        self.last = state.last_seen if state else 0
        self.complete_at = state.complete_at if state else 0
        self.late = report.at < self.last
        # Silence of a table that answered before means "not known": then nothing is believed to be gone.
        silent = set(state.tables if state else ()) - set(report.tables)
        self.complete = report.complete and not silent
        self.class_is_open = CLASS_TABLE in silent
        self.gone = self.complete_at if report.at < self.complete_at else None
        self.visits = with_visit(state.visits if state else (), report.at if self.complete else None)
        self.absent = dict(state.absent) if state else {}
        self.unsaid = dict(state.unsaid) if state else {}
        self.manifest: dict[str, ManifestEntry] = {}
        self.local: dict[str, str] = {}
        self.owns: dict[str, str] = {}  # names in the report that mean absorbed CIs
        self.said: dict[LinkKey, tuple[str, LinkFacet]] = {}  # with the absorbed CI that was meant
        self.set_aside = False
        self.own_addresses: dict[str, list[Value]] | None = None  # found when they are asked for

    def take(self) -> None:
        """Identify each observation, note what it says, and what is no longer said."""
        changed = self._identify_all()
        for observation, ci, own in changed:
            self._note_facet(observation, ci, own)
        for observation, ci, own in changed:
            self._note_links(observation, ci, own)
        for tie, (own, facet) in self.said.items():
            _say(self.draft.link_facets(tie), self.origin, own, facet)
        self._note_absent()
        self._note_target()
        self.draft.resolved[self.origin] = self.local

    # ---- who is it

    def _identify_all(self) -> list[tuple[Observation, str, str]]:
        """Find the CI of each observation; return those whose content is new, with their CI.

        The third is the CI that was meant where that one has been absorbed, else empty.
        """
        changed: list[tuple[Observation, str, str]] = []
        report_at, before, manifest, local = self.report.at, self.before, self.manifest, self.local
        mark = report_at if self.late else 0
        for observation in self.report.observations:
            name = path_of(observation)
            content = b"" if self._keeps_class(observation) else content_of(observation)  # then the next is looked at
            entry = before.get(name)
            if entry is not None and entry.hash == content and self._is_where_it_was(observation):
                ci: str | None = entry.ci
            elif observation.parent is None:
                ci = self._identify(observation, name, entry.ci if entry else None)
            else:
                ci = self._locate(observation)
            if ci is None:
                continue
            local[name] = ci
            own = entry.own if entry is not None and entry.ci == ci else self.draft.member(ci, observation.identifiers)
            if own:
                self.owns[name] = own
            if entry is not None and entry.ci == ci:
                if report_at < (entry.at or self.last):  # a newer word is in
                    manifest[name] = entry
                    continue
                if entry.hash == content:
                    manifest[name] = ManifestEntry(content, ci, mark, own)
                    continue
            if self.gone is None:
                manifest[name] = ManifestEntry(content, ci, mark, own)
                changed.append((observation, ci, own))
            else:
                facet = self.draft.facets_of(ci).get(facet_name(self.origin, own))
                if facet is None or (facet.gone is not None and (facet.seen or 0) < report_at):
                    changed.append((observation, ci, own))
        return changed

    def _keeps_class(self, observation: Observation) -> bool:
        """Whether the class of a device is a guess from less than was read before."""
        return self.class_is_open and observation.parent is None and observation.role == "self"

    def _is_where_it_was(self, observation: Observation) -> bool:
        """Whether the parent of an observation is the CI that it was at the visit before."""
        parent = observation.parent
        return parent is None or parent not in self.before or self.local.get(parent) == self.before[parent].ci

    def _locate(self, observation: Observation) -> str | None:
        """The dependent CI with this local key inside its parent; a new one where there is none."""
        parent = self.local.get(observation.parent or "")
        if parent is None:
            self._complain(
                observation, "parent", "its parent was set aside or is not in the report; nothing of it was taken"
            )
            return None
        where = path(parent, observation.ci_class, observation.key)
        ci = self.draft.paths.get(where)
        if ci is None and observation.role == "mentioned":
            self._not_taken(observation, "nobody has described it")
        elif ci is None:
            ci = self.draft.paths[where] = self.new_id()
            self.draft.born[ci] = Born(observation.ci_class, parent, observation.key, self.report.at)
        return ci

    def _identify(self, observation: Observation, name: str, remembered: str | None) -> str | None:
        """The independent CI that is meant; a new one where none is; None where a person must say which."""
        draft = self.draft
        observed = self._party(observation, remembered)
        holders = draft.holders_seen_from(remembered)
        decision = identify(observed, self.origin, remembered, holders, draft.party, self.model)
        if observation.role == "mentioned":
            if not decision.ci:
                self._not_taken(observation, decision.rule)
            return decision.ci or None
        draft.rules[self.origin, name] = decision.rule
        draft.decisions[self.origin, name] = decision
        ci = decision.ci
        if decision.set_aside:
            self.set_aside = True
            self._complain(observation, "identifiers", f"{decision.rule}; give an identifier that names one of them")
        elif not ci:
            ci = self.new_id()
            draft.born[ci] = Born(observation.ci_class, "", "", self.report.at)
        if decision.question is not None:
            draft.ask(self.origin, name, ci, decision.question)
        if not ci:
            return None
        draft.speak(ci, self.origin, observed, observation.role == "self")
        draft.hold(ci, self._uncontested(ci, observation.identifiers))
        return ci

    def _party(self, observation: Observation, remembered: str | None) -> Party:
        """An observation as identification sees it; its addresses are those of its parts, where anybody may be it."""
        attributes: tuple[Mapping[str, Value], ...] = (observation.attributes,)
        if remembered or any(i.key in self.draft.holders for i in observation.identifiers):
            addresses = self._addresses().get(observation.key)
            attributes += ({"management_address": addresses},) if addresses else ()
        sources = dict.fromkeys((i.key for i in observation.identifiers), self.origin)
        return Party("", observation.ci_class, observation.identifiers, (), attributes, sources)

    def _addresses(self) -> dict[str, list[Value]]:
        """Addresses on the interfaces of each independent thing in the report, by its key."""
        if self.own_addresses is None:
            self.own_addresses = {}
            for observation in self.report.observations:
                if observation.parent is not None and (address := observation.attributes.get("address")):
                    root = observation.parent.partition("|")[0]
                    self.own_addresses.setdefault(root, []).append(address)
        return self.own_addresses

    def _not_taken(self, observation: Observation, why: str) -> None:
        """A mention of what is not there; it is read again at the next visit, when it may be."""
        self.set_aside = True
        self._complain(observation, "identifiers", f"{why}; its links were not taken")

    def _uncontested(self, ci: str, identifiers: Iterable[Identifier]) -> list[Identifier]:
        """Identifiers without the strong ones that already name another CI."""
        holders = self.draft.holders
        return [i for i in identifiers if not i.strong or not any(s and c != ci for c, s in holders.get(i.key, ()))]

    def _complain(self, observation: Observation, field: str, message: str) -> None:
        self.draft.problems.append(Problem(self.origin, path_of(observation), field, message))

    # ---- what does this origin say now

    def _note_facet(self, observation: Observation, ci: str, own: str) -> None:
        """Keep what was said of one CI; a partial visit adds to what it said before."""
        if observation.role == "mentioned":
            return
        facets, at, facet_of = self.draft.facets_of(ci), self.report.at, facet_name(self.origin, own)
        old = facets.get(facet_of)
        attributes, identifiers, ci_class = observation.attributes, observation.identifiers, observation.ci_class
        if old is not None and not self.complete and self.gone is None:
            attributes = {**(old.attributes or {}), **attributes}
            identifiers = tuple({i.key: i for i in (*old.identifiers, *identifiers)}.values())
            ci_class = old.ci_class if self._keeps_class(observation) else ci_class
        content = digest(
            [observation.role, ci_class, attributes, identifiers, observation.locks, observation.refused]
        ).hex()
        gone = self._gone_after(at) if self.gone is not None else None
        if old is not None and old.hash == content and old.gone == gone and not old.marks:
            if gone is not None:
                facets[facet_of] = msgspec.structs.replace(old, seen=at)
            return
        facets[facet_of] = Facet(
            old.since if old is not None and old.hash == content and old.gone is None else at,
            content,
            observation.role,
            ci_class,
            attributes,
            identifiers,
            gone,
            at if gone is not None else None,
            self._marks(observation.ci_class, gone),
            observation.locks,
            observation.refused,
        )
        self._count_absence(ci, observation.ci_class, attributes, gone)

    def _note_links(self, observation: Observation, ci: str, own: str) -> None:
        """Keep which relationships were said, let go of those that no longer are, and remember those that must wait."""
        draft, at, facet_of = self.draft, self.report.at, facet_name(self.origin, own)
        if self.gone is not None and observation.role == "reported":
            return  # it was told of once, and a newer visit no longer tells of it
        wanted: set[LinkKey] = set()
        for link in observation.links:
            facet = LinkFacet(at, link.method, link.attributes)
            far = draft.find(link.to, self.local)
            if far is None:
                key, _, rest = link.to.partition("|")
                draft.pending.append(Pending(key, rest, ci, link.type, facet_of, facet))
                continue
            if (problem := self._check_link(link, ci, far)) is not None:
                self._complain(observation, f"links[{link.type} {link.to}]", problem)
                continue
            if self._is_parent_tie(link.type, ci, far) or self._is_parent_tie(link.type, far, ci):
                continue  # it comes with the dependent CI
            tie = tie_of(self.model, ci, link.type, far)
            wanted.add(tie)
            far_own = self.owns.get(link.to, "") if link.to in self.local else draft.meant(link.to, far)
            marks = f"{own}>{far_own}" if own and far_own else own or far_own
            self.said[tie] = marks, _join(self.said[tie][1], facet) if tie in self.said else facet
        self._note_unsaid(observation, ci, wanted)
        said_types = {link.type for link in observation.links} if self.report.part == LINKS else set()
        if ci in draft.known and (self.complete or said_types):
            for tie in draft.links_from(ci):
                if not self.complete and tie[1] not in said_types:
                    continue  # a port that is down shows no neighbour; its cable is there all the same
                if tie not in wanted:
                    self._unsay(tie)
            draft.settled.append((ci, facet_of))

    def _note_unsaid(self, observation: Observation, ci: str, wanted: set[LinkKey]) -> None:
        """Remember when the ties of a CI that can end were said last, where it is spoken of now without them."""
        entry = self.before.get(path_of(observation))
        last = (entry.at if entry else 0) or self.last
        self.unsaid.pop(ci, None)
        for tie in self.draft.links_from(ci) if last else ():
            for name, facet in self.draft.before[tie][1].items():
                is_own = origin_of(name) == self.origin
                if not is_own or tie in wanted or self.model.policy.ends_after(tie[1], facet.method) is None:
                    continue
                seen = facet.seen or last
                self.draft.link_facets(tie)[name] = msgspec.structs.replace(facet, seen=seen)
                self.unsaid[ci] = min(seen, self.unsaid.get(ci, seen))

    def _is_parent_tie(self, type_: str, child: str, parent: str) -> bool:
        draft = self.draft
        return draft.parent_of(child) == parent and self.model.parent_tie(draft.class_of(child))[0] == type_

    def _check_link(self, link: Link, ci: str, far: str) -> str | None:
        """What is wrong with a relationship between these two; None if nothing is."""
        if ci == far:
            return "a CI can't be tied to itself"
        target_class = self.draft.class_of(far)
        return self.model.check_ends(link.type, self.draft.class_of(ci), target_class) if target_class else None

    # ---- what is no longer said

    def _note_absent(self) -> None:
        """Mark what a complete visit no longer says as gone; after a partial one it is carried over."""
        report, manifest = self.report, self.manifest
        # a thing may be said under another key than before
        said = {(entry.ci, entry.own) for entry in manifest.values()}
        former = self._former()
        for name, entry in self.before.items():
            # Another thing answers under this name or target now, whatever else was not read.
            replaced = name in manifest or (bool(former) and name.partition("|")[0] in former)
            if (entry.ci, entry.own) in said or (replaced and self.late):
                continue
            if not replaced and (not self.complete or report.at < (entry.at or self.last)):
                at = entry.at if self.late else entry.at or self.last
                manifest[name] = ManifestEntry(entry.hash, entry.ci, at, entry.own)
                continue
            facet_of = facet_name(self.origin, entry.own)
            facet = self.draft.facets_of(entry.ci).get(facet_of)
            if facet is not None and facet.gone is None:
                self._let_be_gone(entry.ci, facet_of, entry.at or self.last, replaced)
                if facet.role == "reported":
                    self._let_go(entry.ci, facet_of)
        there = {ci for ci, _ in said}
        if self.late and self.complete:
            self._count_anew(there)
        for ci in there & self.absent.keys() if self.report.source != RUN else ():
            if all(facet.gone is None for _, facet in self._own_facets(ci)):
                del self.absent[ci]

    def _former(self) -> set[str]:
        """Names of what answered as this target before, where something else does now."""
        now = {self.local[o.key]: o for o in self.report.observations if o.parent is None and o.key in self.local}
        keys = {i.key for o in now.values() for i in o.identifiers if i.key.startswith("target:")}
        names = [n for n, e in self.before.items() if "|" not in n and e.ci not in now] if keys else []
        facets = (
            (n, self.draft.facets_of(self.before[n].ci).get(facet_name(self.origin, self.before[n].own))) for n in names
        )
        return {n for n, f in facets if f is not None and any(i.key in keys for i in f.identifiers)}

    def _own_facets(self, ci: str) -> list[tuple[str, Facet]]:
        """What this origin says of a CI and of those that it has absorbed, by name."""
        facets = self.draft.facets_of(ci)
        return [(name, facet) for name, facet in facets.items() if origin_of(name) == self.origin]

    def _let_be_gone(self, ci: str, facet_of: str, seen: int, replaced: bool = False) -> None:
        """This origin no longer says a CI: from the first complete visit after the one that said it last.

        What was replaced by another thing is lost at once: that is no mere absence.
        """
        facets, gone = self.draft.facets_of(ci), self._gone_after(seen)
        facet = facets[facet_of]
        marks = {LOST: gone, RUNS: 1} if replaced else self._marks(facet.ci_class, gone)
        marks |= {k: v for k, v in facet.marks.items() if k == STALE}
        facets[facet_of] = msgspec.structs.replace(facet, gone=gone, seen=seen, marks=marks)
        self._count_absence(ci, facet.ci_class, facet.attributes or {}, gone)
        if replaced:
            self.absent[ci] = Absent(gone, gone)

    def _count_anew(self, said: set[str]) -> None:
        """A complete visit that comes late did not see some of what is gone: it may have been the first one."""
        for ci in self.absent.keys() - said:
            for name, facet in self._own_facets(ci) if ci in self.draft.known or ci in self.draft.born else ():
                if facet.gone is not None and facet.gone != self._gone_after(facet.seen or 0):
                    self._let_be_gone(ci, name, facet.seen or 0)

    def _gone_after(self, seen: int) -> int:
        """The first complete visit after a time; the same in whatever order visits come in."""
        return next((v for v in self.visits if v > seen), max(self.complete_at, self.report.at))

    def _marks(self, ci_class: str, gone: int | None) -> dict[str, int]:
        """What is no longer said by people, or of a class that is missed at once, is lost right away."""
        if gone is None or not self._is_lost_at_once(ci_class):
            return {}
        return {LOST: gone, RUNS: 1}

    def _is_lost_at_once(self, ci_class: str) -> bool:
        policy = self.model.policy
        return policy.presence(self.report.source) != "seen" or policy.absence(ci_class).is_immediate

    def _count_absence(self, ci: str, ci_class: str, attributes: Mapping[str, Value], gone: int | None) -> None:
        """Keep for sweeps since when a CI is not seen, or does not answer."""
        self.absent.pop(ci, None)
        if self.report.source == RUN:
            if attributes.get("reachability") == "unreachable" and gone is None:
                self.absent[ci] = Absent(min(facet.since for _, facet in self._own_facets(ci)))
        elif gone is not None:
            self.absent[ci] = Absent(gone, gone if self._is_lost_at_once(ci_class) else 0)

    def _let_go(self, ci: str, facet_of: str) -> None:
        """End what this origin said of where a thing is that it merely told of: it may be elsewhere by now.

        What belongs to the target itself keeps its ties, so that what went missing is still seen in its place.
        """
        for tie in self.draft.links_from(ci):
            self._unsay(tie)
        self.draft.settled.append((ci, facet_of))

    def _unsay(self, tie: LinkKey) -> None:
        """Take back what this origin said of a relationship."""
        for name in self.draft.before[tie][1]:
            if origin_of(name) == self.origin:
                self.draft.link_facets(tie).pop(name, None)

    def _note_target(self) -> None:
        """What this origin said last, for the next visit. One with something set aside must be read again, so it gets
        no hash.
        """
        report, draft = self.report, self.draft
        known = draft.set_targets.get(self.origin)
        hash_ = self.state.hash if self.state and self.late else b"" if self.set_aside else self.hash
        tables = tuple(sorted({*(self.state.tables if self.state else ()), *report.tables}))
        complete_at = max(self.complete_at, report.at if self.complete else 0)
        last = max(self.last, report.at)
        beside = self.visits, self.absent, 0, self.unsaid
        draft.targets[self.origin] = TargetState(hash_, last, complete_at, tables, self.manifest, *beside)
        was = known.was if known else draft.stored_last.get(self.origin, 0)
        draft.set_targets[self.origin] = SetTarget(
            self.origin, hash_, last, complete_at, tables, self.manifest, was, *beside
        )


def with_visit(visits: tuple[int, ...], at: int | None) -> tuple[int, ...]:
    """The latest complete visits with one more; the same in whatever order they come in."""
    return visits if at is None or at in visits else tuple(sorted((*visits, at)))[-MAX_VISITS:]


def tie_of(model: Model, ci: str, type_: str, far: str) -> LinkKey:
    """A relationship in its one form: ends of a symmetric type are ordered by id."""
    if model.relationship_type(type_).symmetric and far < ci:
        return far, type_, ci
    return ci, type_, far


def _join(one: LinkFacet, other: LinkFacet) -> LinkFacet:
    """Two statements of one report about one relationship, made one: lists are joined, whatever the order."""
    first, second = sorted((one, other), key=canonical)
    joined = dict(first.attributes)
    for name, value in second.attributes.items():
        before = joined.get(name)
        joined[name] = sorted({*before, *value}) if isinstance(before, list) and isinstance(value, list) else value
    return LinkFacet(one.since, max(first.method, second.method), joined)


def _say(facets: dict[str, LinkFacet], origin: str, own: str, facet: LinkFacet) -> None:
    """Note what an origin says of a relationship; the same again leaves the time since when it says so."""
    name = facet_name(origin, own)
    if name not in facets:  # one end may have been absorbed since
        name = next((n for n in facets if origin_of(n) == origin), name)
    old = facets.get(name)
    if old is None or old.attributes != facet.attributes or old.method != facet.method:
        facets[name] = facet
    elif old.seen is not None:
        facets[name] = msgspec.structs.replace(old, seen=None)
