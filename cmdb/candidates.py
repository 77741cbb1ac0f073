"""Reading what planning needs to know, in a number of queries that does not grow with the reports."""

from __future__ import annotations

from collections.abc import Iterable

from cmdb.changes import digest
from cmdb.observation import Observation, Report, escape_key, path_of
from cmdb.store.protocol import Candidates, GraphStore, TargetState


def gather(store: GraphStore, reports: Iterable[Report], states: dict[str, TargetState], sequence: int) -> Candidates:
    """Read what planning these reports needs, in a number of queries that does not grow with them."""
    reading = _Reading(store, Candidates(sequence))
    reading.keys(reports, states)
    reading.paths(reports, states)
    reading.cis(reports, states)
    return reading.found


class _Reading:
    """The candidates of one write, as they are being read."""

    def __init__(self, store: GraphStore, found: Candidates) -> None:
        self.store, self.found = store, found
        self.ids: dict[str, None] = {}  # in order, so that reads repeat alike
        self.changed: dict[str, dict[str, Observation]] = {}

    def keys(self, reports: Iterable[Report], states: dict[str, TargetState]) -> None:
        """Identifiers and far ends of what is new or says something new; links that wait for such an identifier."""
        wanted: dict[str, None] = {}
        arriving: dict[str, None] = {}
        for report in reports:
            manifest = states[report.origin].manifest if report.origin in states else {}
            changed = self.changed.setdefault(report.origin, {})
            for observation in report.observations:
                name = path_of(observation)
                entry = manifest.get(name)
                arriving.update((i.key, None) for i in observation.identifiers)
                if entry is not None and entry.hash == digest(observation):
                    continue
                changed[name] = observation
                wanted.update((i.key, None) for i in observation.identifiers)
                wanted.update((link.to.partition("|")[0], None) for link in observation.links)
        if wanted:
            self.found.by_key = self.store.by_key(wanted)
        if arriving:
            self.found.pending = self.store.pending(arriving)

    def paths(self, reports: Iterable[Report], states: dict[str, TargetState]) -> None:
        """Dependent CIs that the manifest does not know, level by level below CIs that exist; and far ends below
        others.
        """
        open_paths = [p for r in reports for p in self._unknown_dependents(r, states)] + self._far_paths(reports)
        waits = [w for ws in self.found.pending.values() for w in ws if w.path]
        open_paths += [(ci, w.path.split("|")) for w in waits for ci, _ in self.found.by_key.get(w.key, ())]
        while open_paths:
            asked = {f"{ci}|{steps[0]}|{steps[1]}" for ci, steps in open_paths}
            self.found.by_path |= self.store.by_path(asked - self.found.by_path.keys())
            deeper = ((self.found.by_path.get(f"{ci}|{s[0]}|{s[1]}"), s[2:]) for ci, s in open_paths)
            open_paths = [(ci, steps) for ci, steps in deeper if ci and steps]

    def _unknown_dependents(self, report: Report, states: dict[str, TargetState]) -> Iterable[tuple[str, list[str]]]:
        """(CI id, steps below it) of dependents whose CI is not in the manifest but whose root exists."""
        manifest = states[report.origin].manifest if report.origin in states else {}
        for name, observation in self.changed[report.origin].items():
            if observation.parent is None or name in manifest:
                continue
            above = manifest.get(observation.parent)
            if above is not None:
                yield above.ci, [observation.ci_class, escape_key(observation.key)]
                continue
            root, *steps = name.split("|")
            for ci in self._roots(report, root):
                yield ci, steps

    def _roots(self, report: Report, key: str) -> Iterable[str]:
        """CIs that the independent observation of a report may turn out to be."""
        observation = self.changed[report.origin].get(key)
        return (
            {ci for i in observation.identifiers for ci, _ in self.found.by_key.get(i.key, ())} if observation else ()
        )

    def _far_paths(self, reports: Iterable[Report]) -> list[tuple[str, list[str]]]:
        """Far ends that are named by a path below another CI."""
        out: list[tuple[str, list[str]]] = []
        for report in reports:
            for observation in self.changed[report.origin].values():
                for link in observation.links:
                    key, *steps = link.to.split("|")
                    if len(steps) >= 2:
                        out += [(ci, steps) for ci, _ in self.found.by_key.get(key, ())]
        return out

    def cis(self, reports: Iterable[Report], states: dict[str, TargetState]) -> None:
        """The CIs themselves: what changed, what may match, what is no longer said, and both ends of links."""
        for holders in self.found.by_key.values():
            self.ids.update((ci, None) for ci, _ in holders)
        self.ids.update((ci, None) for ci in self.found.by_path.values())
        self.ids.update((w.ci, None) for ws in self.found.pending.values() for w in ws)
        for report in reports:
            state = states.get(report.origin)
            if state is None:
                continue
            changed = self.changed[report.origin]
            if report.at < state.last_seen:
                self.ids.update((ci, None) for ci in state.absent)  # it may have been the first to miss them
            said = {path_of(o) for o in report.observations}
            self.ids.update((e.ci, None) for name, e in state.manifest.items() if name in changed or name not in said)
            names = {link.to for o in changed.values() for link in o.links}
            self.ids.update((state.manifest[n].ci, None) for n in names if n in state.manifest)
        if self.ids:
            self.found.cis = self.store.known(self.ids)
