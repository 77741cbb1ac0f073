"""Merge, split, keep apart, reclassify and ignore: each one commit that can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from cmdb.changes import Change, ChangeSet, Facet, ManifestEntry, NewCI, Pending, PutTask, SetCI, digest
from cmdb.edit import check_revision
from cmdb.errors import Refused
from cmdb.identity.decisions import APART, STANDS, Decision, Kind, Was, evidence, one, put
from cmdb.identity.household import Written, absorbing, change_set, open_draft
from cmdb.ingest import Ingest
from cmdb.observation import facet_name, is_aside, origin_of, split_facet_name, split_origin
from cmdb.reconcile.absorb import absorb
from cmdb.reconcile.draft import Born, Draft
from cmdb.reconcile.evidence import compare
from cmdb.reconcile.separate import Separation, split_off
from cmdb.store.protocol import Head, KnownCI

MOST_CIS = 10


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as a person asks for it; the first of `cis` is kept.

    `identifiers` (whole keys) and `targets` say which facets a split takes away, `ci_class` what a reclassification
    makes of the CI. `despite` merges although strong identifiers contradict each other.
    """

    kind: Kind
    cis: tuple[str, ...]
    actor: str
    reason: str
    identifiers: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    ci_class: str = ""
    task: str = ""
    despite: bool = False
    expected_revision: int | None = None


class Decided(msgspec.Struct, frozen=True):
    """What came of a decision: its id, the sequence after it, the CIs that are there after it, and the changes.

    `sequences` are the commits that it took; with `dry_run` none of them was made.
    """

    id: str
    sequence: int
    cis: tuple[str, ...]
    changes: tuple[Change, ...]
    sequences: tuple[int, ...] = ()


class _Made(msgspec.Struct):
    """A planned decision."""

    change_set: ChangeSet
    cis: tuple[str, ...]


def decide(ingest: Ingest, request: Request, dry_run: bool = False) -> Decided:
    """Take a decision about identity, or with `dry_run` only tell what it would do.

    Merging more than two CIs makes one decision for each that is absorbed; all are checked before the first. Raises
    Refused for what can't be decided so, LimitExceeded for too many parts.
    """
    if not request.reason.strip():
        raise Refused("INVALID", "reason", "say why: the reason goes into the ledger")
    least, most = {"merge": (2, MOST_CIS), "keep_apart": (2, MOST_CIS), "ignore": (0, MOST_CIS)}.get(
        request.kind, (1, 1)
    )
    if not least <= len(request.cis) <= most or len(set(request.cis)) < len(request.cis):
        raise Refused("INVALID", "cis", f"{request.kind} takes {least} to {most} different CIs, not {len(request.cis)}")
    if request.kind == "merge" and len(request.cis) > 2:
        steps = [msgspec.structs.replace(request, cis=(request.cis[0], ci)) for ci in request.cis[1:]]
        for step in steps:
            _decide_one(ingest, step, dry_run=True)
        done = [_decide_one(ingest, step, dry_run) for step in steps]
        changes = tuple(c for d in done for c in d.changes)
        sequences = tuple(d.sequence for d in done)
        return Decided(done[-1].id, done[-1].sequence, done[-1].cis, changes, sequences)
    return _decide_one(ingest, request, dry_run)


def _decide_one(ingest: Ingest, request: Request, dry_run: bool) -> Decided:
    made: list[_Made] = []
    id_ = ingest.new_id()
    plan: dict[Kind, Callable[[Ingest, Request, str, Head], _Made]] = {
        "merge": _merge,
        "split": _split,
        "keep_apart": _keep_apart,
        "reclassify": _reclassify,
        "ignore": _keep_apart,
    }

    def make(head: Head) -> ChangeSet:
        made[:] = [plan[request.kind](ingest, request, id_, head)]
        return made[0].change_set

    sequence, written = ingest.decide(make, request.actor, request.reason, dry_run)
    return Decided(id_, sequence, made[0].cis, tuple(written.changes if written else ()), (sequence,))


def _check_revision(ingest: Ingest, request: Request, ci: str) -> None:
    if request.expected_revision is not None:
        check_revision(ingest.store.cis([ci])[0], request.expected_revision)


def settle_task(ingest: Ingest, id_: str, state: str) -> list[PutTask]:
    """The task in its new state; none where no task is named."""
    if not id_:
        return []
    found = ingest.store.tasks_by_id([id_])
    if not found:
        raise Refused("NOT_FOUND", "task", f"there is no identity task {id_!r}; `cmdb identity list` shows them")
    return [msgspec.structs.replace(found[0], state=state)]


# ---- merge


def _merge(ingest: Ingest, request: Request, id_: str, head: Head) -> _Made:
    store, model = ingest.store, ingest.model
    kept, gone = request.cis
    draft = open_draft(store, request.cis, head)
    pair = one(draft, store, kept, "cis"), one(draft, store, gone, "cis")
    _check_revision(ingest, request, kept)
    _check_merge(draft, pair, ingest, request)
    shown = evidence(draft, request.cis, model)
    done = absorb(draft, kept, gone, model)
    was = {
        r.id: Was(
            r.ci_class, r.parent, r.local_key, r.first_seen, r.revision, tuple(i.key for i in r.identifiers if i.strong)
        )
        for r in store.cis([absorbed for _, absorbed in done.pairs])
    }
    decision = Decision(
        kind="merge",
        cis=[kept, gone],
        actor=request.actor,
        sequence=head.sequence + 1,
        evidence=shown,
        task=request.task,
        absorption=done,
        was=was,
    )
    title = f"{pair[1].attributes['name']} is {pair[0].attributes['name']}"
    answered = [
        msgspec.structs.replace(t, state="decided")
        for t in store.tasks(about=[kept, gone])
        if len(t.cis) > 1 and {*t.cis} <= {kept, gone}
    ]
    written, remap = absorbing(store, done)
    written.records = [
        put(id_, decision, STANDS, request.reason, title),
        *settle_task(ingest, request.task, "decided"),
        *(t for t in answered if t.id != request.task),
    ]
    changes = change_set(draft, written, remap, store, model, head, ingest.clock_ms())
    return _Made(changes, (kept,))


def _check_merge(draft: Draft, pair: tuple[KnownCI, KnownCI], ingest: Ingest, request: Request) -> None:
    """Refuse what can't be one thing."""
    first, second = pair
    names = f"{first.attributes['name']} ({first.ci_class}) and {second.attributes['name']} ({second.ci_class})"
    same = first.ci_class == second.ci_class if first.parent or second.parent else None
    if (first.parent or second.parent) and (first.parent != second.parent or not same):
        raise Refused("INVALID", "cis", f"{names} are parts; only parts of one CI and one class can be one thing")
    if not ingest.model.same_kind(first.ci_class, second.ci_class):
        raise Refused("INVALID", "cis", f"{names} are of classes that can't be one thing: reclassify one of them first")
    if _is_inside(draft, first.id, second.id) or _is_inside(draft, second.id, first.id):
        raise Refused("INVALID", "cis", f"of {names} one is part of the other")
    against = compare(draft.party(first.id), draft.party(second.id), ingest.model).against
    if against and not request.despite:
        raise Refused(
            "IDENTITY_CONFLICT",
            "cis",
            f"{names} have strong identifiers that contradict each other: {', '.join(against)}."
            " If you are sure, merge them despite that",
        )
    apart = ingest.store.apart([first.id]).get(first.id, frozenset())
    if second.id in apart and not request.despite:
        raise Refused("WRONG_STATE", "cis", f"{names} are kept apart by a decision: undo that one first")


def _is_inside(draft: Draft, ci: str, other: str) -> bool:
    while ci:
        if ci == other:
            return True
        ci = draft.parent_of(ci)
    return False


# ---- split


def _split(ingest: Ingest, request: Request, id_: str, head: Head) -> _Made:
    store, model = ingest.store, ingest.model
    draft = open_draft(store, request.cis, head)
    ci = one(draft, store, request.cis[0], "cis")
    _check_revision(ingest, request, ci.id)
    leaving = _leaving(ci, request)
    new = ingest.new_id()
    since = min(ci.facets[n].since for n in leaving)
    born = Born(ci.ci_class, ci.parent, f"{ci.local_key}~{new}" if ci.parent else "", since)
    done = split_off(draft, ci.id, (new, born), leaving, ingest.new_id, model)
    decision = Decision(
        kind="split", cis=[ci.id, new], actor=request.actor, sequence=head.sequence + 1, task=request.task
    )
    title = f"part of {ci.attributes['name']} is another CI"
    written = Written(
        moved=done.moved,
        pending=waits(store.pending_of([ci.id]), done),
        records=[put(id_, decision, APART, request.reason, title), *settle_task(ingest, request.task, "decided")],
    )
    changes = change_set(draft, written, lambda o, e: moved_entry(o, e, done), store, model, head, ingest.clock_ms())
    if not ci.parent:
        _check_told_apart(ci, new, changes)
    return _Made(changes, (ci.id, new))


def _check_told_apart(ci: KnownCI, new: str, made: ChangeSet) -> None:
    """Refuse a split after which one of the two has no identifier of its own: nothing could tell that one any more."""
    keys = {ci.id: {i.key for i in ci.identifiers}, new: set[str]()}
    for change in made.changes:
        if isinstance(change, NewCI) and change.id == new:
            keys[new] = {i.key for i in change.identifiers}
        elif isinstance(change, SetCI) and change.id == ci.id:
            keys[ci.id] = keys[ci.id] - {*change.forget} | {i.key for i in change.identify}
    for side, (own, other) in {
        "the new CI": (keys[new], keys[ci.id]),
        "what stays": (keys[ci.id], keys[new]),
    }.items():
        if not own - other:
            has = f"only {', '.join(sorted(own))}, which the other has too" if own else "none"
            raise Refused(
                "INVALID",
                "targets",
                f"{side} needs an identifier that the other has not, and would have {has}:"
                " name all targets and identifiers that belong to the new CI",
            )


def _leaving(ci: KnownCI, request: Request) -> list[str]:
    """The facets that a split takes away."""
    keys, targets = set(request.identifiers), set(request.targets)
    unknown = keys - {i.key for f in ci.facets.values() for i in f.identifiers}
    if unknown:
        raise Refused("INVALID", "identifiers", f"nothing says {', '.join(sorted(unknown))} of {ci.id}")
    visited = {split_origin(origin_of(n))[1] for n in ci.facets}
    if unknown := targets - visited:
        raise Refused(
            "INVALID",
            "targets",
            f"{', '.join(sorted(unknown))} says nothing of {ci.id}; its targets are {', '.join(sorted(visited))}",
        )
    leaving = [
        n
        for n, f in ci.facets.items()
        if split_origin(origin_of(n))[1] in targets or any(i.key in keys for i in f.identifiers)
    ]
    if not leaving:
        raise Refused("INVALID", "targets", "say what belongs to the new CI: its targets or its identifiers")
    if len(leaving) == len(ci.facets):
        raise Refused("INVALID", "targets", f"all that is known of {ci.id} was named: nothing would be left of it")
    for side, names in (("the new CI", leaving), ("what stays", ci.facets.keys() - {*leaving})):
        if all(_is_edit(origin_of(n), ci.id) for n in names):
            raise Refused(
                "INVALID",
                "targets",
                f"{side} would have nothing but what people edited by hand, and an edit alone makes no CI:"
                " name targets that describe it",
            )
    return leaving


def _is_edit(origin: str, ci: str) -> bool:
    """Whether an origin only adds to what others describe: a person's edit, a class given by hand, a run."""
    return is_aside(origin) or origin == class_facet(ci)


def waits(pending: Iterable[Pending], done: Separation) -> list[tuple[Pending, Pending]]:
    """Waiting links of CIs that leave: before and after."""
    out = []
    for wait in pending:
        goes = done.leaving.get(wait.ci)
        own, origin = split_facet_name(wait.origin)
        if goes is not None and (goes in own.split(">") or origin in done.origins):
            name = facet_name(origin, ">".join(o for o in own.split(">") if o and o != goes))
            out.append((wait, msgspec.structs.replace(wait, ci=goes, origin=name)))
    return out


def moved_entry(origin: str, entry: ManifestEntry, done: Separation) -> ManifestEntry | None:
    """A line of a manifest after a separation; None where what it told of stays with the other side."""
    for parted in done.split:
        if entry.ci == parted.ci and parted.takes(facet_name(origin, entry.own)):
            return ManifestEntry(entry.hash, parted.other, entry.at, entry.own) if parted.other else None
    goes = done.leaving.get(entry.ci)
    owns = entry.own.split(">")
    if goes is None or not (goes in owns or (origin in done.origins and not entry.own)):
        return entry
    return ManifestEntry(entry.hash, goes, entry.at, ">".join(o for o in owns if o and o != goes))


# ---- what changes no household


def _keep_apart(ingest: Ingest, request: Request, id_: str, head: Head) -> _Made:
    """Keep CIs apart, or only settle a task."""
    store = ingest.store
    draft = open_draft(store, request.cis, head)
    if request.kind == "ignore":  # its CIs may have been absorbed since
        cis = [draft.known[ci] for ci in request.cis if ci in draft.known]
    else:
        cis = [one(draft, store, ci, "cis") for ci in request.cis]
    if request.kind == "ignore" and not request.task:
        raise Refused("INVALID", "task", "say which task is to be ignored")
    decision = Decision(
        kind=request.kind,
        cis=list(request.cis),
        actor=request.actor,
        sequence=head.sequence + 1,
        evidence=evidence(draft, [ci.id for ci in cis], ingest.model) if len(cis) > 1 else [],
        task=request.task,
    )
    names = " and ".join(str(ci.attributes["name"]) for ci in cis)
    title = f"{names} are different" if request.kind == "keep_apart" else f"task {request.task} needs no decision"
    state = APART if request.kind == "keep_apart" else STANDS
    record = put(id_, decision, state, request.reason, title)
    at = max(ingest.clock_ms(), head.at + 1)
    return _Made(ChangeSet(at, [record, *settle_task(ingest, request.task, "decided")]), request.cis)


def class_facet(ci: str) -> str:
    """The name of the facet in which a person says of which class a CI is."""
    return f"manual/class:{ci}"


def _reclassify(ingest: Ingest, request: Request, id_: str, head: Head) -> _Made:
    """Let a person's word decide of which class a CI is; its id stays."""
    store, model = ingest.store, ingest.model
    draft = open_draft(store, request.cis, head)
    ci = one(draft, store, request.cis[0], "cis")
    _check_revision(ingest, request, ci.id)
    new = model.ci_class(request.ci_class)
    if new.abstract or new.internal or not new.independent or ci.parent:
        raise Refused("INVALID", "class", f"a {ci.ci_class} can't become a {new.name}: both must stand alone")
    if new.name == ci.ci_class:
        raise Refused("INVALID", "class", f"{ci.attributes['name']} is a {new.name} already")
    for child in draft.known.values():
        if child.parent == ci.id and (problem := model.check_parent(child.ci_class, new.name)):
            raise Refused(
                "INVALID", "class", f"{ci.attributes['name']} has a part {child.attributes['name']}: {problem}"
            )
    at = max(ingest.clock_ms(), head.at + 1)
    content = digest(["self", new.name, {}, ()]).hex()
    draft.facets_of(ci.id)[class_facet(ci.id)] = Facet(at, content, "self", new.name, {}, locks=("class",))
    decision = Decision(
        kind="reclassify",
        cis=[ci.id],
        actor=request.actor,
        sequence=head.sequence + 1,
        task=request.task,
        ci_class=new.name,
    )
    title = f"{ci.attributes['name']} is a {new.name}, not a {ci.ci_class}"
    written = Written(
        records=[put(id_, decision, STANDS, request.reason, title), *settle_task(ingest, request.task, "decided")]
    )
    return _Made(change_set(draft, written, _as_it_is, store, model, head, at), (ci.id,))


def _as_it_is(_: str, entry: ManifestEntry) -> ManifestEntry:
    return entry
