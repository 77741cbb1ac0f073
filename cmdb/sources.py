"""Who says what in the graph: listing sources, dropping one, deriving all values anew after a change of the policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from cmdb.candidates import contested
from cmdb.changes import Change, ChangeSet, SetCI
from cmdb.errors import Invalid, NotFound
from cmdb.ingest import Ingest
from cmdb.model.near import near
from cmdb.model.registry import Model
from cmdb.observation import Value, split_origin
from cmdb.reconcile.derive import ci_changes, link_changes
from cmdb.reconcile.draft import Draft
from cmdb.store.protocol import Candidates, Condition, Filter, GraphStore, Head, KnownCI

TARGETS, CIS = 50, 1_000  # in one commit
MAX_LISTED = 1_000
_EVER = 2**53
T = TypeVar("T")
Make = Callable[[Head], tuple[ChangeSet | None, dict[str, KnownCI]]]


class SourceRow(msgspec.Struct, frozen=True):
    """One source: its precedence, hours after which its word is stale (None: never), targets, and its latest word."""

    name: str
    precedence: int
    stale_after_h: int | None
    targets: int
    last_seen: int


class Rederived(msgspec.Struct):
    """What dropping a source or deriving anew changes. `changes` lists the first of them for a person."""

    sequence: int = 0
    commits: int = 0
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    changes: list[tuple[str, str, Value, Value]] = []  # CI id, attribute, before, after


class _Writing(msgspec.Struct, frozen=True):
    """Who writes, why, and whether at all."""

    ingest: Ingest
    actor: str
    reason: str
    dry_run: bool


def list_sources(store: GraphStore, model: Model) -> list[SourceRow]:
    """All sources that ever said something, the strongest first."""
    found: dict[str, list[int]] = {}
    for due in store.targets_due(_EVER):
        found.setdefault(split_origin(due.origin)[0], []).append(due.last_seen)
    rows = []
    for name, seen in found.items():
        kind = model.policy.kind(name)
        precedence = kind.precedence if kind else model.default_precedence
        rows.append(SourceRow(name, precedence, kind.stale_after_h if kind else None, len(seen), max(seen)))
    return sorted(rows, key=lambda r: (-r.precedence, r.name))


def drop_source(ingest: Ingest, source: str, actor: str, reason: str, dry_run: bool = False) -> Rederived:
    """Take back everything that a source ever said, and derive every CI concerned from what is left.

    CIs that only it knew are missing from then on; nothing is deleted but its words. In commits of a bounded size: one
    that was interrupted is finished by doing it again. Raises NotFound for a source that said nothing, Invalid without
    a reason.
    """
    if not reason.strip():
        raise Invalid("dropping a source needs a reason: the ledger keeps why")
    store = ingest.store
    origins = [d.origin for d in store.targets_due(_EVER) if split_origin(d.origin)[0] == source]
    if not origins:
        known = {row.name for row in list_sources(store, ingest.model)}
        raise NotFound(f"no source {source!r} said anything; {near(source, known)}")
    done = Rederived(store.head().sequence)
    writing = _Writing(ingest, actor, reason, dry_run)
    for batch in _chunked(origins, TARGETS):
        _write(writing, _dropping(ingest, source, batch), done)
    # What its targets no longer named: facets that were gone already.
    for ids in () if dry_run else _ids_of(store, source):
        _write(writing, _dropping(ingest, source, (), ids), done)
    return done


def _dropping(ingest: Ingest, source: str, origins: Sequence[str], more: Sequence[str] = ()) -> Make:
    """How to plan without what a source said at some targets, and of some more CIs."""
    store, model = ingest.store, ingest.model

    def make(head: Head) -> tuple[ChangeSet | None, dict[str, KnownCI]]:
        states = store.targets(origins, manifests=True) if origins else {}
        ids = set(more)
        for state in states.values():
            ids |= {e.ci for e in state.manifest.values()} | state.absent.keys()
        known = store.known(sorted(ids)) if ids else {}
        draft = Draft(Candidates(head.sequence, contested(store, known.values()), cis=known), {})
        forget(draft, source)
        changes: list[Change] = [*ci_changes(draft, model), *link_changes(draft, model)]
        made = ChangeSet(ingest.clock_ms(), changes, dropped=list(states))
        return (made if changes or states else None), known

    return make


def forget(draft: Draft, source: str) -> None:
    """Take back what a source said of the CIs of a draft and their relationships."""
    for ci, known in draft.known.items():
        for name in [n for n in known.facets if split_origin(n)[0] == source]:
            del draft.facets_of(ci)[name]
        for tie, (_, facets) in known.links.items():
            for name in [n for n in facets if split_origin(n)[0] == source]:
                draft.link_facets(tie).pop(name, None)


def rederive(ingest: Ingest, actor: str, reason: str, dry_run: bool = False) -> Rederived:
    """Derive every CI and relationship anew from its facets, as after a change of precedence or policy.

    Notes the version of the model for which the values hold. Raises Invalid without a reason.
    """
    if not reason.strip():
        raise Invalid("deriving values anew needs a reason: the ledger keeps why")
    store, model = ingest.store, ingest.model
    done = Rederived(store.head().sequence)
    for ids in _chunked((ci.id for ci in store.scan_cis()), CIS):

        def make(head: Head, ids: list[str] = ids) -> tuple[ChangeSet | None, dict[str, KnownCI]]:
            known = store.known(ids)
            draft = Draft(Candidates(head.sequence, contested(store, known.values()), cis=known), {})
            derive_all(draft)
            changes: list[Change] = [*ci_changes(draft, model), *link_changes(draft, model)]
            return (ChangeSet(ingest.clock_ms(), changes) if changes else None), known

        _write(_Writing(ingest, actor, reason, dry_run), make, done)
    if not dry_run:
        store.note_policy(model.version)
    return done


def derive_all(draft: Draft) -> None:
    """Have the values of all CIs of a draft, and of their relationships, derived again."""
    for ci, known in draft.known.items():
        draft.facets_of(ci)
        draft.derive_again.add(ci)
        for tie in known.links:
            draft.link_facets(tie)


def _ids_of(store: GraphStore, source: str) -> Iterator[list[str]]:
    where = Filter((Condition("source", "eq", source),))
    after: str | None = None
    while True:
        page = store.find(where, first=CIS, after=after)
        if page.cis:
            yield [ci.id for ci in page.cis]
        if not page.more:
            return
        after = page.cursor  # ids and names stay in their order when facets go


def _write(writing: _Writing, make: Make, done: Rederived) -> None:
    """Commit one part, and note what it changes."""
    known: dict[str, KnownCI] = {}

    def plan(head: Head) -> ChangeSet | None:
        nonlocal known
        change_set, known = make(head)
        return change_set

    sequence, change_set = writing.ingest.decide(plan, writing.actor, writing.reason, writing.dry_run)
    done.commits += change_set is not None and bool(change_set.changes) and not writing.dry_run
    done.sequence = sequence
    for change in change_set.changes if change_set else ():
        done.counts[type(change).__name__] += 1
        if isinstance(change, SetCI):
            before = known[change.id]
            names = sorted({*change.set, *change.unset})
            rows = [(change.id, n, before.attributes.get(n), change.set.get(n)) for n in names]
            for name in ("status", "ci_class"):
                if getattr(change, name) != getattr(before, name):
                    rows.append((change.id, name, getattr(before, name), getattr(change, name)))
            done.changes += rows[: max(0, MAX_LISTED - len(done.changes))]


def _chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
