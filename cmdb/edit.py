"""What a person says of one CI: an edit becomes an observation of the source `manual`, by the one way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from cmdb.candidates import gather, line_of, meant, paths_of
from cmdb.changes import ChangeSet
from cmdb.errors import Denied, Invalid, Refused
from cmdb.ingest import Held, Ingest
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.observation import EDIT, Observation, Report, Value, origin_name
from cmdb.reconcile.check import MANUAL, check_report
from cmdb.reconcile.draft import Problem
from cmdb.reconcile.merge import STATUS
from cmdb.reconcile.plan import plan, report_hash
from cmdb.store.protocol import CIRecord, Conflict, Head

NEW = "new:"  # begins the target of what a person says of a CI that nobody has seen


class Edit(msgspec.Struct, frozen=True):
    """What is to change of what people said of one CI.

    `set` holds values to say (`name` and `status` among them), `unset` attributes of which nothing is to be said any
    more, `lock` attributes whose value is to hold whatever others say, and `unlock` the reverse.
    """

    set: Mapping[str, Value] = {}
    unset: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    unlock: tuple[str, ...] = ()


class Saved(msgspec.Struct, frozen=True):
    """What came of an edit: the sequence after it, whether anything was written, and what changes of CIs.

    An edit that another person must look at first is `held`: what is written then is the review that keeps it.
    """

    sequence: int
    committed: bool
    change_set: ChangeSet | None
    held: Held | None = None
    ci: str = ""


class Misfit(Invalid):
    """Values that do not fit the model, each with what is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field.removeprefix('attributes.')}: {p.message}" for p in problems))


class Planned(msgspec.Struct):
    """What people say, as it was planned last."""

    change_set: ChangeSet | None = None
    held: Held | None = None

    def to_write(self, at: int) -> ChangeSet | None:
        """What is to be committed now: of what waits for another person only the review that keeps it."""
        if self.held is None or self.change_set is None:
            return self.change_set
        return ChangeSet(at, list(self.held.changes)) if self.held.changes else None


def edit_origin(ci: str) -> str:
    """The origin of what people said of one CI."""
    return origin_name(MANUAL, EDIT + ci)


def check_revision(ci: CIRecord, expected: int | None) -> None:
    """Raise Refused where somebody changed a CI since it was read at this revision; None: nobody asks."""
    if expected is not None and ci.revision != expected:
        text = f"{ci.name} is at revision {ci.revision}, not {expected}: somebody changed it; read it again"
        raise Refused("VERSION_CONFLICT", "expectedVersion", text)


def save(
    ingest: Ingest,
    ci: str,
    edit: Edit,
    actor: str,
    reason: str,
    *,
    dry_run: bool = False,
    expected_revision: int | None = None,
) -> Saved:
    """Say something of a CI, or with `dry_run` only tell what that would change.

    Raises NotFound where there is no such CI, Misfit where something does not fit the model, Refused where no reason is
    given or the CI is no longer at `expected_revision`, Denied where control does not let the actor say it.
    """
    if not reason.strip():
        raise Refused("REQUIRED", "reason", "an edit needs a reason: the ledger keeps why")
    planned = Planned()

    def make(head: Head) -> ChangeSet | None:
        line = line_of(ingest.store, ci)
        check_revision(line[-1], expected_revision)
        at = next_word(ingest, [edit_origin(ci)])
        plan_said(ingest, [edit_report(line, edit, at, ingest.model)], head, (actor, reason), planned)
        return planned.to_write(at)

    return written(ingest, make, planned, (actor, reason), dry_run, ci)


def next_word(ingest: Ingest, origins: Sequence[str]) -> int:
    """The time (ms) of what is said now: later than all that these origins said before."""
    known = ingest.store.targets(origins)
    return max(ingest.clock_ms(), *(state.last_seen + 1 for state in known.values()), 0)


def written(
    ingest: Ingest,
    make: Callable[[Head], ChangeSet | None],
    planned: Planned,
    who: tuple[str, str],
    dry_run: bool,
    ci: str = "",
) -> Saved:
    """Write what `make` plans into `planned`, and tell what came of it. `who` is an actor and a reason."""
    before = ingest.store.head().sequence
    sequence, done = ingest.decide(make, *who, dry_run)
    committed = sequence != before and not dry_run and done is not None
    return Saved(sequence, committed, planned.change_set, planned.held, ci)


def create(ingest: Ingest, new: Observation, actor: str, reason: str, *, dry_run: bool = False) -> Saved:
    """Say that there is a CI that nobody has seen: class, attributes with the name (and a status), and identifiers.

    Where its identifiers are those of a known CI, that one is meant. The `ci` of the answer is "" where it is held.
    Raises Misfit and Denied like `save`, Refused also where the identifiers belong to several CIs.
    """
    if not reason.strip():
        raise Refused("REQUIRED", "reason", "a new CI needs a reason: the ledger keeps why")
    _check_new(new, ingest)
    report = Report(MANUAL, NEW + new.key, ingest.clock_ms(), (new,))
    if not new.identifiers and ingest.store.targets([report.origin]):
        text = f"a {new.ci_class} {new.attributes['name']} was made by hand before; edit it by its id"
        raise Refused("TAKEN", "name", text)
    problems: list[Problem] = []
    check_report(report, ingest.model, problems)
    if problems:
        raise Misfit(problems)
    done = ingest.run([report], actor, reason, dry_run, explain=True)
    held = done.held.get(report.origin)
    _raise_refusal(held)
    (outcome,) = done.outcomes[report.origin]
    if outcome.status == "conflict":
        raise Refused("IDENTITY_CONFLICT", "identifiers", f"these identifiers tell of several CIs: {new.identifiers}")
    would = done if held is None else ingest.run([report], actor, reason, dry_run=True, reviewed=True)
    change_set = would.change_set if would.change_set.changes else None
    return Saved(done.sequence, done.committed, change_set, held, outcome.ci)


def _check_new(new: Observation, ingest: Ingest) -> None:
    known = ingest.model.ci_class(new.ci_class)
    if known.abstract or known.internal or not known.independent:
        text = f"a {known.name} is part of another CI; say it together with that, in a file or a push"
        raise Refused("INVALID", "class", text)
    rules = ingest.model.identifier_rules(known.name)
    for key in (i.key for i in new.identifiers):
        scheme, _, value = key.partition(":")
        if not value.strip() or scheme not in rules:
            text = f"{key[:80]!r} does not identify a {known.name}; write scheme:value, {near(scheme, rules)}"
            raise Refused("INVALID", "identifiers", text)


def plan_said(ingest: Ingest, said: Sequence[Report], head: Head, who: tuple[str, str], planned: Planned) -> None:
    """Plan reports of people, and ask control about them as if they had come any other way.

    `who` is an actor and a reason. Raises Misfit, Refused and Denied like `save`, Conflict to be planned again.
    """
    store, model = ingest.store, ingest.model
    problems: list[Problem] = []
    reports = [check_report(one, model, problems) for one in said]
    states = meant(store, reports, store.targets([r.origin for r in reports], manifests=True))
    candidates = gather(store, reports, states, head.sequence, model)
    if store.head().sequence != head.sequence:
        raise Conflict("the graph changed while candidates were read")
    hashed = [(r, report_hash(r)) for r in reports]
    change_set, draft = plan(hashed, candidates, states, said[0].at, ingest.new_id, model)
    if problems := problems + draft.problems:
        raise Misfit(problems)
    planned.change_set = change_set if change_set.changes else None
    held = ingest.control(reports, states, *who) if ingest.control and change_set.changes else {}
    planned.held = _together([held[r.origin] for r in reports if r.origin in held])
    _raise_refusal(planned.held)


def _together(held: Sequence[Held]) -> Held | None:
    """What keeps several reports back as one answer: a refusal is stronger than a wait."""
    if len(held) < 2:
        return held[0] if held else None
    first = next((one for one in held if one.status == "rejected"), held[0])
    return msgspec.structs.replace(first, changes=tuple(change for one in held for change in one.changes))


def _raise_refusal(held: Held | None) -> None:
    if held is None or held.status != "rejected":
        return
    if held.code == "NOT_ALLOWED":
        raise Denied(held.text)
    raise Refused("REQUIRED" if held.code == "REASON_REQUIRED" else "TOO_MANY", "", held.text)


def edit_report(line: Sequence[CIRecord], edit: Edit, at: int, model: Model) -> Report:
    """All that people say of a CI after an edit. `line` leads from its root to it.

    Raises Invalid for attributes that are not there to be edited.
    """
    *above, ci = line
    facet = ci.facets.get(edit_origin(ci.id))
    live = facet is not None and facet.gone is None
    said = dict(facet.attributes or {}) if facet is not None and live else {}
    locks = set(facet.locks) if facet is not None and live else set()
    _check_names(edit, said, locks, ci, model)
    for name in (*edit.unset, *edit.unlock):
        said.pop(name, None)
    locks -= {*edit.unset, *edit.unlock}
    for name in edit.lock:
        if name not in edit.set and name not in said:
            said[name] = _held(ci, name)
    said |= edit.set
    locks |= set(edit.lock)
    places = [None, *paths_of(line)]
    observations = [
        Observation(
            one.ci_class,
            one.local_key if one.parent else EDIT + one.id,
            said if one is ci else {},
            parent=where,
            role="self" if one is ci else "mentioned",
            locks=tuple(sorted(locks)) if one is ci else (),
        )
        for one, where in zip((*above, ci), places, strict=False)
        if said
    ]
    return Report(MANUAL, EDIT + ci.id, at, tuple(observations))


def _check_names(edit: Edit, said: Mapping[str, Value], locks: set[str], ci: CIRecord, model: Model) -> None:
    known = {*model.ci_class(ci.ci_class).attributes, "name", STATUS}
    for name in (*edit.set, *edit.unset, *edit.lock, *edit.unlock):
        if name not in known:
            raise Refused(
                "INVALID", _field(edit, name), f"{ci.ci_class} has no attribute {name!r}; {near(name, known)}"
            )
    for name in edit.unlock:
        if name not in locks:
            held = f"; {', '.join(sorted(locks))} is" if locks else ""
            raise Refused("WRONG_STATE", "unlock", f"{name} of {ci.name} is not locked{held}")
    for name in edit.unset:
        if name not in said:
            raise Refused(
                "WRONG_STATE", "attributes", f"no person said {name} of {ci.name}; there is nothing to take back"
            )


def _field(edit: Edit, name: str) -> str:
    return "lock" if name in edit.lock else "unlock" if name in edit.unlock else "attributes"


def _held(ci: CIRecord, name: str) -> Value:
    value = ci.name if name == "name" else ci.status if name == STATUS else ci.attributes.get(name)
    if value is None:
        raise Refused("WRONG_STATE", "lock", f"{ci.name} has no {name} that could be locked; give a value")
    return value
