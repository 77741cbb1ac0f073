"""Control of updates: what a person may write, and what waits for another person first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from cmdb.changes import Facet, PutRecord, digest
from cmdb.ingest import Automatic, Held
from cmdb.observation import Observation, Report, is_aside, path_of
from cmdb.reconcile.plan import report_hash
from cmdb.service.lifecycle import REVIEW, as_stored, edited, next_number, number_of, stepped
from cmdb.service.people import login
from cmdb.service.policy import ControlPolicy, Rule
from cmdb.store.protocol import CIRecord, GraphStore, StoredRecord, TargetState

MAX_REPORT = 4 * 2**20  # bytes of a report that waits
SHOWN = 20  # edits that a review lists
LINKS = "relationships"
STATUS = "status"


class Edit(msgspec.Struct, frozen=True):
    """One thing that a report would change: an attribute of an observation, its relationships, or all of it ("")."""

    path: str
    ci_class: str
    attribute: str


def role_of(roles: Mapping[str, str]) -> Callable[[str], str]:
    """Who has which role. Where nobody was given one, everybody is administrator; else others may only read.

    Pushes over HTTP come as `push:<source>` and feed, unless that name was given another role.
    """
    known = {login(name): role for name, role in roles.items()}

    def role(actor: str) -> str:
        who = login(actor)
        if who in known:
            return known[who]
        if not known:
            return "administrator"
        return "feeder" if who.startswith("push:") else "viewer"

    return role


def edits_of(report: Report, state: TargetState | None, cis: Mapping[str, CIRecord]) -> list[Edit]:
    """What a report says otherwise than its origin said last; `cis` are those that the origin spoke of then."""
    manifest = state.manifest if state else {}
    classes = {path_of(o): o.ci_class for o in report.observations}
    edits: list[Edit] = []
    for observation in report.observations:
        entry = manifest.get(path_of(observation))
        if observation.role == "mentioned" and not observation.links:
            continue  # it only says of what something else is part
        if entry is None:
            edits += _edits(observation, None)
        elif entry.hash != digest(observation):
            edits += _edits(observation, _said(cis.get(entry.ci), report.origin))
    if report.complete:
        for path in manifest.keys() - classes.keys():
            gone = cis.get(manifest[path].ci)
            ci_class = gone.ci_class if gone is not None else ""
            before = _said(gone, report.origin) if is_aside(report.origin) else None
            # By no word beside its description is a thing there: taking that back changes attributes, not the status.
            names = [STATUS] if before is None else list(before.attributes or ())
            edits += [Edit(path, ci_class, name) for name in names]
    return [_of_whole(edit, classes, cis, manifest) for edit in sorted(edits, key=lambda e: (e.path, e.attribute))]


def _said(ci: CIRecord | None, origin: str) -> Facet | None:
    """What an origin said of a CI; None where there is no such CI, or the description of one began with its word."""
    if ci is None:
        return None
    return ci.facets.get(origin, Facet(0, "", attributes={}) if is_aside(origin) else None)


def _edits(observation: Observation, facet: Facet | None) -> list[Edit]:
    """The attributes that differ from what was said before (None: nothing was), or that are locked otherwise."""
    where, ci_class, said = path_of(observation), observation.ci_class, observation.attributes
    if facet is None:
        return [Edit(where, ci_class, name) for name in ("", *said)]
    before = facet.attributes or {}
    differing = {n for n in before.keys() | said.keys() if before.get(n) != said.get(n)}
    differing |= set(facet.locks) ^ set(observation.locks)
    return [Edit(where, ci_class, name) for name in differing or (LINKS,)]


def _of_whole(
    edit: Edit, classes: Mapping[str, str], cis: Mapping[str, CIRecord], manifest: Mapping[str, object]
) -> Edit:
    """A requirement belongs to its owner: an edit of it is one of that CI's relationships."""
    if edit.ci_class != "Requirement":
        return edit
    owner = edit.path.rpartition("|Requirement|")[0]
    ci_class = classes.get(owner) or _known_class(owner, cis, manifest)
    return Edit(edit.path, ci_class, LINKS)


def _known_class(path: str, cis: Mapping[str, CIRecord], manifest: Mapping[str, object]) -> str:
    entry = manifest.get(path)
    found = cis.get(getattr(entry, "ci", ""))
    return found.ci_class if found is not None else ""


class Control:
    """Decides for each report of a write whether it goes through, waits or is refused. `clock_ms` in epoch ms."""

    def __init__(
        self, store: GraphStore, policy: ControlPolicy, role: Callable[[str], str], clock_ms: Callable[[], int]
    ) -> None:
        self.store, self.policy, self.role, self.clock_ms = store, policy, role, clock_ms

    def __call__(
        self, reports: Sequence[Report], states: Mapping[str, TargetState], actor: str, reason: str
    ) -> dict[str, Held]:
        """What does not go through, by origin; `states` hold the manifests of the origins that are known."""
        held: dict[str, Held] = {}
        controlled = [r for r in reports if self.policy.controls(r.source)]
        if not controlled:
            return held
        named = {e.ci for r in controlled if r.origin in states for e in states[r.origin].manifest.values()}
        cis = {ci.id: ci for ci in self.store.cis(sorted(named))} if named else {}
        edits = [(r, edits_of(r, states.get(r.origin), cis)) for r in controlled]
        for report, changed in edits:
            if refusal := self._refusal(changed, actor, reason):
                held[report.origin] = refusal
        looked_at = {r.origin for r, changed in edits if any(self._waits(e) for e in changed)}
        # All that an origin says waits together, so that a later word does not overtake an earlier one.
        waiting = [(r, [e for e in c if self._waits(e)]) for r, c in edits if r.origin in looked_at - held.keys()]
        return held | self._reviews(waiting, actor, reason)

    def _waits(self, edit: Edit) -> bool:
        return self._rule(edit).level == "review"

    def _rule(self, edit: Edit) -> Rule:
        return self.policy.rule(edit.ci_class, "" if edit.attribute in (LINKS, STATUS) else edit.attribute)

    def _refusal(self, edits: Sequence[Edit], actor: str, reason: str) -> Held | None:
        role = self.role(actor)
        for edit in edits:
            rule = self._rule(edit)
            what = f"{edit.attribute or 'a new CI'} of {edit.ci_class} ({edit.path})"
            if role not in rule.edit:
                who = f"{login(actor)} is {role}, and {what} may be edited by {', '.join(sorted(rule.edit))} only"
                return Held("rejected", "NOT_ALLOWED", who)
            if rule.reason and (isinstance(reason, Automatic) or not reason.strip()):
                return Held("rejected", "REASON_REQUIRED", f"a reason must be given to edit {what}")
        return None

    def _reviews(self, waiting: Sequence[tuple[Report, Sequence[Edit]]], actor: str, reason: str) -> dict[str, Held]:
        held: dict[str, Held] = {}
        if not waiting:
            return held
        known = self.store.records(kinds=(REVIEW,))
        now, ahead = self.clock_ms(), 0
        for report, edits in waiting:
            body = msgspec.json.encode(report)
            if len(body) > MAX_REPORT:
                text = f"a report that waits for review has at most {MAX_REPORT:,} bytes, not {len(body):,}; split it"
                held[report.origin] = Held("rejected", "TOO_LARGE", text)
                continue
            record = _review(report, body.decode(), edits, actor, reason, now, next_number(known, REVIEW, ahead))
            before = next((r for r in known if r.id == record.id), None)
            ahead += before is None
            if before is not None:
                record = _again(before, record, actor, now)
            changed = () if before is not None and before.state == "waiting" else (record,)
            older = [
                stepped(r, "superseded", actor, now, by=record.id)
                for r in known
                if r.state == "waiting" and r.body["origin"] == report.origin and r.id != record.id
            ]
            text = f"waits as {number_of(record)} until another person approves it"
            before_it = held[report.origin].changes if report.origin in held else ()
            held[report.origin] = Held("quarantined", "REVIEW", text, record.id, (*before_it, *older, *changed))
        return held


def _review(
    report: Report, body: str, edits: Sequence[Edit], actor: str, reason: str, now: int, number: str
) -> PutRecord:
    """What waits. The report itself stays out of the chain, as a text: it may hold what can be disposed of."""
    shown = [{"path": e.path, "class": e.ci_class, "attribute": e.attribute} for e in edits[:SHOWN]]
    about: dict[str, object] = {
        "number": number,
        "author": actor,
        "origin": report.origin,
        "reported": report.at,
        "things": len(report.observations),
        "edits": shown,
        "edits_in_all": len(edits),
        "steps": [{"to": "waiting", "by": actor, "at": now}],
    }
    id_ = digest([report.origin, report_hash(report)], 16).hex()
    return PutRecord(id_, REVIEW, "waiting", f"{report.origin}", (), about, {"report": body, "reason": str(reason)})


def _again(before: StoredRecord, record: PutRecord, actor: str, now: int) -> PutRecord:
    """A review that was settled before and is asked again."""
    if before.state == "waiting":
        return before
    kept = {"number": number_of(before), "steps": before.body["steps"]}
    asked = msgspec.structs.replace(record, body={**record.body, **kept})
    return edited(as_stored(asked, now), actor, now, to="waiting")
