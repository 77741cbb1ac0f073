"""Reading what planning needs to know, in a number of queries that does not grow with the reports."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from msgspec.structs import replace

from cmdb.changes import ManifestEntry, content_of
from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.model.registry import Model
from cmdb.observation import EDIT, NEEDS, Observation, Report, escape_key, path, path_of
from cmdb.reconcile.check import MANUAL
from cmdb.store.protocol import Candidates, CIRecord, GraphStore, KnownCI, TargetState

TASKS_ABOUT = 200  # of more CIs, all tasks are read and looked through here: that is quicker than in the store
MAX_PARENTS = 20
REQUIREMENT = "Requirement"


def gather(
    store: GraphStore, reports: Sequence[Report], states: dict[str, TargetState], sequence: int, model: Model
) -> Candidates:
    """Read what planning these reports needs, in a number of queries that does not grow with them.

    What a target remembers of a CI that is not there is taken out of `states`: who is meant is found out anew.
    """
    reading = _read(store, reports, states, sequence, model)
    gone = reading.ids.keys() - reading.found.cis.keys()
    astray = {o: s for o, s in states.items() if any(e.ci in gone for e in s.manifest.values())} if gone else {}
    if not astray:
        return reading.found
    for origin, state in astray.items():
        states[origin] = replace(state, manifest={n: e for n, e in state.manifest.items() if e.ci not in gone})
    return _read(store, reports, states, sequence, model).found


def _read(
    store: GraphStore, reports: Sequence[Report], states: dict[str, TargetState], sequence: int, model: Model
) -> _Reading:
    reading = _Reading(store, Candidates(sequence), model)
    reading.keys(reports, states)
    reading.paths(reports, states)
    reading.cis(reports, states)
    reading.astray(reports, states)
    reading.contested()
    reading.apart(states)
    return reading


def contested(
    store: GraphStore, cis: Iterable[KnownCI], read: Container[str] = ()
) -> dict[str, tuple[tuple[str, bool], ...]]:
    """Who holds the identifiers that facets of some CIs say and that are not their own, without those read before."""
    said: set[str] = set()
    for ci in cis:
        if not ci.parent and not ci.is_partial:
            held = {i.key for i in ci.identifiers}
            said.update(i.key for f in ci.facets.values() for i in f.identifiers if i.key not in held)
    wanted = sorted(key for key in said if key not in read)
    return store.by_key(wanted) if wanted else {}


def line_of(store: GraphStore, ci: str) -> list[CIRecord]:
    """A CI and what it is part of, the root first. Raises NotFound, LimitExceeded."""
    line: list[CIRecord] = []
    wanted = ci
    while wanted:
        found = store.cis([wanted])
        if not found:
            raise NotFound(f"there is no CI {wanted!r}")
        line.insert(0, found[0])
        if len(line) > MAX_PARENTS:
            raise LimitExceeded(f"{ci} lies more than {MAX_PARENTS} parts deep, the limit")
        wanted = found[0].parent
    return line


def paths_of(line: Iterable[CIRecord]) -> dict[str, str]:
    """What the paths in the report of an edit mean: path -> id. The root is named by its id, parts as ever."""
    where, out = "", dict[str, str]()
    for one in line:
        where = path(where, one.ci_class, one.local_key) if one.parent else EDIT + one.id
        out[where] = one.id
    return out


def meant(store: GraphStore, reports: Iterable[Report], states: dict[str, TargetState]) -> dict[str, TargetState]:
    """The states with what the reports of edits mean: a person says which CI, by its id, and not how to tell it.

    Raises NotFound where such a CI is no more, Invalid where it has become part of another one since.
    """
    states = dict(states)
    for report in reports:
        if report.source != MANUAL or not report.target.startswith(EDIT) or not report.observations:
            continue
        ci = report.target.removeprefix(EDIT)
        if NEEDS in ci:
            named = _mentioned(store, report)
        else:
            named = paths_of(line_of(store, ci))
            if named.keys() != {path_of(o) for o in report.observations}:
                raise Invalid(f"{ci} has another place than when it was edited; edit it again")
        state = states.get(report.origin) or TargetState(b"", 0, 0)
        manifest = {p: ManifestEntry(b"", id_) for p, id_ in named.items()} | state.manifest
        states[report.origin] = replace(state, manifest=manifest)
    return states


def _mentioned(store: GraphStore, report: Report) -> dict[str, str]:
    """What the paths to the owner of a requirement mean; the owner may have been absorbed since its target was named.

    Raises NotFound where it is no more.
    """
    out: dict[str, str] = {}
    for observation in report.observations:
        if observation.parent is None:
            id_ = observation.key.removeprefix(EDIT)
            id_ = store.absorbed([id_]).get(id_, id_)
            found = [ci.id for ci in store.cis([id_])]
        elif observation.ci_class != REQUIREMENT:
            below = path(out[observation.parent], observation.ci_class, observation.key)
            found = list(store.by_path([below]).values())
        else:
            continue
        if not found:
            raise NotFound(f"{path_of(observation)} is no more; state what needs it, or drop that, again")
        out[path_of(observation)] = found[0]
    return out


class _Reading:
    """The candidates of one write, as they are being read."""

    def __init__(self, store: GraphStore, found: Candidates, model: Model) -> None:
        self.store, self.found, self.model = store, found, model
        self.ids: dict[str, None] = {}  # in order, so that reads repeat alike
        self.changed: dict[str, dict[str, Observation]] = {}
        self.moving: set[str] = set()  # origins of which something may turn out to be another CI than before

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
                if entry is not None and entry.hash == content_of(observation):
                    continue
                changed[name] = observation
                wanted.update((i.key, None) for i in observation.identifiers)
                for i in observation.identifiers:
                    wanted.update((key, None) for key in self.model.other_spellings(observation.ci_class, i.key))
                wanted.update((link.to.partition("|")[0], None) for link in observation.links)
        if wanted or arriving:
            self.found.by_key, self.found.pending = self.store.named(wanted, arriving)

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
        """(CI id, steps below it) of dependents whose CI is not in the manifest but whose root exists.

        A thing that may turn out to be another CI than at the visit before takes all its dependents along.
        """
        manifest = states[report.origin].manifest if report.origin in states else {}
        changed = self.changed[report.origin]
        before = {key: manifest[key].ci for key, o in changed.items() if o.parent is None and key in manifest}
        rivals = {key: self._roots(report, key) - {ci} for key, ci in before.items()}
        if any(rivals.values()):
            self.moving.add(report.origin)
        for observation in report.observations if report.origin in self.moving else changed.values():
            if observation.parent is None:
                continue
            name = path_of(observation)
            root, *steps = name.split("|")
            above = manifest.get(observation.parent)
            if above is not None and name not in manifest:
                yield above.ci, [observation.ci_class, escape_key(observation.key)]
            for ci in rivals.get(root, set()) if root in before else self._roots(report, root):
                yield ci, steps

    def _roots(self, report: Report, key: str) -> set[str]:
        """CIs that the independent observation of a report may turn out to be."""
        observation = self.changed[report.origin].get(key)
        keys = observation.identifiers if observation else ()
        return {ci for i in keys for ci, _ in self.found.by_key.get(i.key, ())}

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
            is_moving = report.origin in self.moving
            self.ids.update(
                (e.ci, None) for name, e in state.manifest.items() if is_moving or name in changed or name not in said
            )
            names = {link.to for o in changed.values() for link in o.links}
            self.ids.update((state.manifest[n].ci, None) for n in names if n in state.manifest)
        self._tasks(states)
        if self.ids:
            self.found.cis = self.store.known(self.ids)

    def astray(self, reports: Iterable[Report], states: dict[str, TargetState]) -> None:
        """Dependents below their parent of today, where the one that was meant at the visit before is elsewhere now."""
        wanted: set[str] = set()
        for report in reports:
            manifest = states[report.origin].manifest if report.origin in states else {}
            for name, observation in self.changed[report.origin].items():
                entry, above = manifest.get(name), manifest.get(observation.parent or "")
                if entry is not None and above is not None:
                    known = self.found.cis.get(entry.ci)
                    if known is None or known.parent != above.ci:
                        wanted.add(path(above.ci, observation.ci_class, observation.key))
        if wanted := wanted - self.found.by_path.keys():
            self.found.by_path |= (there := self.store.by_path(sorted(wanted)))
            self.found.cis |= self.store.known(sorted(set(there.values()) - self.found.cis.keys()))

    def contested(self) -> None:
        """Who holds the identifiers that are said of a CI and yet not its own; hardly ever are there any."""
        self.found.by_key |= contested(self.store, self.found.cis.values(), self.found.by_key)

    def apart(self, states: dict[str, TargetState]) -> None:
        """Whom a person keeps apart from the CIs that other CIs share identifiers with; hardly ever is there one."""
        rivalled = set()
        for origin, observations in self.changed.items():
            manifest = states[origin].manifest if origin in states else {}
            for name, observation in observations.items():
                entry = manifest.get(name)
                holders = {ci for i in observation.identifiers for ci, _ in self.found.by_key.get(i.key, ())}
                if entry is not None and holders - {entry.ci}:
                    rivalled.add(entry.ci)
        if rivalled:
            self.found.apart = self.store.apart(rivalled)

    def _independent(self, states: dict[str, TargetState]) -> Iterable[str]:
        """Independent CIs that the reports may be about."""
        yield from (ci for holders in self.found.by_key.values() for ci, _ in holders)
        for origin, said in self.changed.items():
            manifest = states[origin].manifest if origin in states else {}
            yield from (manifest[n].ci for n, o in said.items() if o.parent is None and n in manifest)

    def _tasks(self, states: dict[str, TargetState]) -> None:
        """Identity tasks about what is told anew: these reports may settle them."""
        origins = [origin for origin, said in self.changed.items() if any(o.parent is None for o in said.values())]
        if not origins:
            return
        about = [*origins, *dict.fromkeys(self._independent(states))]
        wanted = set(about)
        found = self.store.tasks((), about=about if len(about) <= TASKS_ABOUT else ())
        self.found.tasks = {t.id: t for t in found if t.origin in wanted or not wanted.isdisjoint(t.cis)}
        self.ids.update((ci, None) for task in self.found.tasks.values() for ci in task.cis)
