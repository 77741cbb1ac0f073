"""What a person says of one CI: an edit becomes an observation of the source `manual`, by the one way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from cmdb.candidates import gather
from cmdb.changes import ChangeSet, ManifestEntry
from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.ingest import Ingest
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.observation import EDIT, Observation, Report, Value, origin_name, path
from cmdb.reconcile.check import MANUAL, check_report
from cmdb.reconcile.draft import Problem
from cmdb.reconcile.merge import STATUS
from cmdb.reconcile.plan import plan, report_hash
from cmdb.store.protocol import CIRecord, Conflict, GraphStore, Head, TargetState

MAX_PARENTS = 20
Named = dict[str, str]  # path in a report -> the CI that is meant


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
    """What came of an edit: the sequence after it, whether anything was written, and what changes."""

    sequence: int
    committed: bool
    change_set: ChangeSet | None


def edit_origin(ci: str) -> str:
    """The origin of what people said of one CI."""
    return origin_name(MANUAL, EDIT + ci)


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

    Raises NotFound where there is no such CI, Invalid where something does not fit the model or no reason is given,
    Conflict where the CI is no longer at `expected_revision`.
    """
    if not reason.strip():
        raise Invalid("an edit needs a reason: the ledger keeps why")
    store, model = ingest.store, ingest.model

    def make(head: Head) -> ChangeSet | None:
        line = _line(store, ci)
        if expected_revision is not None and line[-1].revision != expected_revision:
            raise Invalid(
                f"{line[-1].name} is at revision {line[-1].revision}, not at {expected_revision}: "
                "somebody changed it; look again"
            )
        origin = edit_origin(ci)
        state = store.targets([origin], manifests=True).get(origin) or TargetState(b"", 0, 0)
        at = max(ingest.clock_ms(), state.last_seen + 1)
        report, named = edit_report(line, edit, at, model)
        problems: list[Problem] = []
        report = check_report(report, model, problems)
        meant = {p: ManifestEntry(b"", id_) for p, id_ in named.items()}
        states = {origin: msgspec.structs.replace(state, manifest=meant | state.manifest)}
        candidates = gather(store, [report], states, head.sequence, model)
        if store.head().sequence != head.sequence:
            raise Conflict("the graph changed while candidates were read")
        change_set, draft = plan([(report, report_hash(report))], candidates, states, at, ingest.new_id, model)
        if problems := problems + draft.problems:
            raise Invalid("; ".join(f"{p.field.removeprefix('attributes.')}: {p.message}" for p in problems))
        return change_set if change_set.changes else None

    before = store.head().sequence
    sequence, change_set = ingest.decide(make, actor, reason, dry_run)
    return Saved(sequence, sequence != before and not dry_run and change_set is not None, change_set)


def edit_report(line: Sequence[CIRecord], edit: Edit, at: int, model: Model) -> tuple[Report, Named]:
    """All that people say of a CI after an edit, and which CIs its paths mean. `line` leads from its root to it.

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
    observations: list[Observation] = []
    named: Named = {}
    where: str | None = None
    for one in (*above, ci) if said else ():
        key = one.local_key if one.parent else EDIT + one.id
        here = path(where, one.ci_class, key) if where is not None and one.parent else key
        named[here] = one.id
        mine = one is ci
        observations.append(
            Observation(
                one.ci_class,
                key,
                said if mine else {},
                parent=where if one.parent else None,
                role="self" if mine else "mentioned",
                locks=tuple(sorted(locks)) if mine else (),
            )
        )
        where = here
    return Report(MANUAL, EDIT + ci.id, at, tuple(observations)), named


def _check_names(edit: Edit, said: Mapping[str, Value], locks: set[str], ci: CIRecord, model: Model) -> None:
    known = {*model.ci_class(ci.ci_class).attributes, "name", STATUS}
    for name in (*edit.set, *edit.unset, *edit.lock, *edit.unlock):
        if name not in known:
            raise Invalid(f"{ci.ci_class} has no attribute {name!r}; {near(name, known)}")
    for name in edit.unlock:
        if name not in locks:
            held = f"; {', '.join(sorted(locks))} is" if locks else ""
            raise Invalid(f"{name} of {ci.name} is not locked{held}")
    for name in edit.unset:
        if name not in said:
            raise Invalid(f"no person said {name} of {ci.name}; there is nothing to take back")


def _held(ci: CIRecord, name: str) -> Value:
    value = ci.name if name == "name" else ci.status if name == STATUS else ci.attributes.get(name)
    if value is None:
        raise Invalid(f"{ci.name} has no {name} that could be locked; give a value")
    return value


def _line(store: GraphStore, ci: str) -> list[CIRecord]:
    """A CI and what it is part of, the root first."""
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
