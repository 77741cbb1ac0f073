"""What the passing of time makes of facets: stale, lost, retired. Pure: the sweep reads, and gives the time."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cmdb.changes import LOST, RETIRED, RUNS, SILENT, STALE, Absent, ChangeSet, Facet, ManifestEntry
from cmdb.model.absence import DAY_MS, HOUR_MS
from cmdb.model.policy import Policy
from cmdb.model.registry import Model
from cmdb.observation import facet_name, origin_of, part_of, split_origin
from cmdb.reconcile.belief import has_ended
from cmdb.reconcile.derive import ci_changes, link_changes
from cmdb.reconcile.draft import Draft
from cmdb.store.protocol import KnownCI, TargetDue, TargetState, set_target

# These say how things are tied in parts of their own (decision 5), so their plain word, most of the graph, need
# not be searched for ties that end.
PARTED = ("snmp", "ssh", "netmiko")


def is_due(due: TargetDue, policy: Policy, now: int) -> bool:
    """Whether a sweep at `now` may find something in what an origin said."""
    if may_be_stale(due, policy, now) or may_end_ties(due, policy, now):
        return True
    return any(_may_end(a, due.visits, policy, now) for a in due.absent.values())


def may_be_stale(due: TargetDue, policy: Policy, now: int) -> bool:
    """Whether something that an origin said became stale since a sweep last looked at it."""
    periods = policy.stale_periods(split_origin(due.origin)[0])
    return any(due.swept < at + p <= now for at in {due.last_seen, *due.carried.values()} for p in periods)


def may_end_ties(due: TargetDue, policy: Policy, now: int) -> bool:
    """Whether a tie that an origin no longer repeats may have ended since a sweep last looked."""
    if split_origin(due.origin)[0] in PARTED and not part_of(due.origin):
        return False
    times = {due.last_seen, *due.carried.values(), *due.unsaid.values()}
    return any(due.swept < at + after <= now for at in times for after in policy.endings())


def _may_end(absent: Absent, visits: tuple[int, ...], policy: Policy, now: int) -> bool:
    if not absent.lost:
        return policy.may_be_missing(_runs(visits, absent.since), absent.since, now)
    first = policy.first_retirement()
    return first is not None and bool(visits) and visits[-1] >= absent.lost + first


def _runs(visits: tuple[int, ...], since: int) -> int:
    return sum(v >= since for v in visits)


def wanted(state: TargetState, due: TargetDue, policy: Policy, now: int) -> tuple[set[str], set[str]]:
    """Ids of the CIs that must be read to age what an origin said: in full, and those of which the facets are enough.

    What is stale counts less, and is still said: identifiers and relationships stay.
    """
    facets: set[str] = set()
    ids = {ci for ci, a in state.absent.items() if _may_end(a, state.visits, policy, now)}
    if may_be_stale(due, policy, now):
        shortest = policy.stale_periods(split_origin(due.origin)[0])[0]
        facets = {e.ci for e in state.manifest.values() if (e.at or state.last_seen) + shortest <= now}
    if may_end_ties(due, policy, now):
        shortest = policy.endings()[0]
        ids |= {e.ci for e in state.manifest.values() if (e.at or state.last_seen) + shortest <= now}
        ids |= {ci for ci, at in state.unsaid.items() if at + shortest <= now}
    return ids, facets - ids


class Ageing:
    """A sweep on its way: facets of the draft are marked, and targets are to be read in full again."""

    def __init__(self, draft: Draft, model: Model, now: int) -> None:
        self.draft, self.policy, self.model, self.now = draft, model.policy, model, now

    def age(self, due: TargetDue) -> None:
        """Mark what an origin said and did not confirm in time: stale, lost or retired; and end its ties."""
        origin = due.origin
        state = self.draft.targets[origin]
        stale = may_be_stale(due, self.policy, self.now)
        manifest, reread = self._stale(origin, state) if stale else (state.manifest, False)
        ties = may_end_ties(due, self.policy, self.now)
        if ties:
            self._end_ties(origin, state)
        absent = self._absent(origin, state)
        if absent != state.absent or stale or ties:
            self._put(origin, state, manifest, absent, reread)

    def _end_ties(self, origin: str, state: TargetState) -> None:
        """Let go of ties that the origin did not repeat for long enough."""
        said = {e.ci: e.at or state.last_seen for e in state.manifest.values()}
        for ci in {*said, *state.unsaid} & self.draft.known.keys():
            for tie, (_, facets) in self.draft.known[ci].links.items():
                last = said.get(ci, state.last_seen)
                for name, facet in facets.items():
                    is_own = origin_of(name) == origin
                    if is_own and has_ended(tie[1], facet, last, self.policy, self.now):
                        self.draft.link_facets(tie).pop(name, None)

    def lose(self, origin: str, since: int, runs: int, at: int, confidence: int) -> None:
        """A target did not answer for long enough: all that this origin said of it is lost."""
        state = self.draft.targets[origin]
        marks = {LOST: at, RUNS: runs, SILENT: since, "confidence": confidence}
        manifest = {}
        for name, entry in state.manifest.items():
            hit = self._mark(origin, entry, marks)
            manifest[name] = _forget_content(entry) if hit else entry
        self._put(origin, state, manifest, state.absent, reread=True)

    def is_silent(self, known: KnownCI, visits: tuple[int, ...], since: int) -> tuple[int, int] | None:
        """Whether a device did not answer for long enough: (number of runs, from when it is missing)."""
        rule = self.policy.absence(known.ci_class)
        without = [v for v in visits if v >= since]
        if not rule.is_missing(len(without), since, self.now):
            return None
        return len(without), max(without[rule.runs - 1], since + rule.hours * HOUR_MS)

    def leave(self, origin: str, cis: set[str]) -> None:
        """Count no longer since when these CIs do not answer."""
        state = self.draft.targets[origin]
        if cis:
            left = {ci: a for ci, a in state.absent.items() if ci not in cis}
            self._put(origin, state, state.manifest, left, reread=False)

    def change_set(self, at: int) -> ChangeSet:
        """What the sweep makes of it."""
        changes = [*ci_changes(self.draft, self.model), *link_changes(self.draft, self.model)]
        return ChangeSet(at, changes, list(self.draft.set_targets.values()))

    def _stale(self, origin: str, state: TargetState) -> tuple[dict[str, ManifestEntry], bool]:
        """Mark what the origin did not confirm in time; the manifest after it, and whether its next visit is read."""
        source = split_origin(origin)[0]
        manifest: dict[str, ManifestEntry] = {}
        periods: dict[str, int | None] = {}
        reread = False
        for name, entry in state.manifest.items():
            manifest[name] = entry
            known = self.draft.known.get(entry.ci)
            if known is None:
                continue
            said = facet_name(origin, entry.own)
            facet = known.facets.get(said)
            if facet is None or facet.gone is not None or STALE in facet.marks:
                continue
            if known.ci_class not in periods:
                periods[known.ci_class] = self.policy.stale_after(source, known.ci_class)
            period = periods[known.ci_class]
            last = entry.at or state.last_seen
            if period is not None and last + period <= self.now:
                marked = self.draft.facets_of(entry.ci)
                marks = {**marked[said].marks, STALE: last + period}
                marked[said] = msgspec.structs.replace(marked[said], marks=marks)
                manifest[name] = _forget_content(entry)
                reread = reread or not entry.at
        return manifest, reread

    def _absent(self, origin: str, state: TargetState) -> dict[str, Absent]:
        """What the origin still misses, after marking what it missed for long enough."""
        left: dict[str, Absent] = {}
        for ci, absent in state.absent.items():
            after = self._miss(origin, state, ci, absent)
            if after is not None:
                left[ci] = after
        return left

    def _miss(self, origin: str, state: TargetState, ci: str, absent: Absent) -> Absent | None:
        """Mark one CI as lost or retired if it is time; None where nothing more can come of it."""
        known = self.draft.known.get(ci)
        if known is None:
            return absent
        rule = self.policy.absence(known.ci_class)
        if not absent.lost:
            seen_without = [v for v in state.visits if v >= absent.since]
            if not rule.is_missing(len(seen_without), absent.since, self.now):
                return absent
            at = max(seen_without[rule.runs - 1], absent.since + rule.hours * HOUR_MS)
            self._mark_ci(origin, ci, {LOST: at, RUNS: len(seen_without)})
            return None if rule.retire_after_days is None else Absent(absent.since, at)
        if rule.retire_after_days is None:
            return None
        due = absent.lost + rule.retire_after_days * DAY_MS
        if not state.visits or state.visits[-1] < due:
            return absent
        self._mark_ci(origin, ci, {RETIRED: due})
        return None

    def _mark_ci(self, origin: str, ci: str, marks: dict[str, int]) -> None:
        for name, facet in self.draft.known[ci].facets.items():
            if origin_of(name) == origin and facet.gone is not None:
                after = self.draft.facets_of(ci)[name]
                self.draft.facets_of(ci)[name] = msgspec.structs.replace(after, marks=after.marks | marks)

    def _facet(self, origin: str, entry: ManifestEntry) -> Facet | None:
        known = self.draft.known.get(entry.ci)
        return known.facets.get(facet_name(origin, entry.own)) if known else None

    def _mark(self, origin: str, entry: ManifestEntry, marks: dict[str, int]) -> bool:
        """Mark the facet behind one line of a manifest; whether there is one that is still said."""
        facet = self._facet(origin, entry)
        if facet is None or facet.gone is not None:
            return False
        name = facet_name(origin, entry.own)
        after = self.draft.facets_of(entry.ci)[name]
        self.draft.facets_of(entry.ci)[name] = msgspec.structs.replace(after, marks=after.marks | marks)
        return True

    def _put(
        self,
        origin: str,
        state: TargetState,
        manifest: dict[str, ManifestEntry],
        absent: dict[str, Absent],
        reread: bool,
    ) -> None:
        hash_ = b"" if reread else state.hash
        after = msgspec.structs.replace(state, hash=hash_, manifest=manifest, absent=absent, swept=self.now)
        self.draft.targets[origin] = after
        self.draft.set_targets[origin] = set_target(origin, after)


def _forget_content(entry: ManifestEntry) -> ManifestEntry:
    """A line of a manifest that any visit takes for changed, so that its word is taken in again."""
    return ManifestEntry(b"", entry.ci, entry.at, entry.own)


def silence_confidence(runs: int, *, neighbours_up: bool, others_reached: bool, still_heard: bool) -> int:
    """Belief, in percent, that a device which does not answer is gone: 1 − 0.8 ** runs × what speaks for other faults.

    Neighbours that are up halve the doubt, for then it is not the site that is dark; so do other targets that answered
    meanwhile, for then credentials and the way there are good. A device whose addresses or links others still report is
    there: the doubt stays at half or more.
    """
    doubt = float(0.8**runs) * (0.5 if neighbours_up else 1) * (0.5 if others_reached else 1)
    return round(100 * (1 - (max(0.5, doubt) if still_heard else doubt)))


def siblings(facets: Iterable[str], target: str, policy: Policy) -> list[str]:
    """Origins of facets that saw something themselves at one target."""
    found = ((o, split_origin(o)) for o in {origin_of(name) for name in facets})
    return sorted(o for o, (s, t) in found if t == target and policy.presence(s) == "seen")
