"""A draft of some CIs with all that hangs on them, and the change set that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from cmdb.changes import (
    Change,
    ChangeSet,
    EndCI,
    ManifestEntry,
    MoveCI,
    NewCI,
    Pending,
    PutRecord,
    PutTask,
    SetTarget,
)
from cmdb.errors import LimitExceeded
from cmdb.model.registry import Model
from cmdb.observation import (
    LINKS,
    SESSIONS,
    facet_name,
    origin_name,
    origin_of,
    split_facet_name,
    split_origin,
)
from cmdb.reconcile.absorb import Absorption
from cmdb.reconcile.derive import ci_changes, link_changes
from cmdb.reconcile.draft import Draft
from cmdb.store.protocol import Candidates, GraphStore, Head, set_target

MAX_CIS = 50_000  # of the CIs of one decision with their parts

Remap = Callable[[str, ManifestEntry], ManifestEntry | None]  # (origin, entry) -> entry, None: no longer


class Written(msgspec.Struct):
    """What a decision does to the graph, besides the values that follow from facets."""

    moved: list[tuple[str, str]] = []  # dependent CI, its new parent
    ended: list[tuple[str, str]] = []  # absorbed CI, the one that stands for it; parents first
    revisions: dict[str, int] = {}  # of CIs that come back
    pending: list[tuple[Pending, Pending]] = []  # links that wait: before, after
    records: list[PutRecord | PutTask] = []


def absorbing(store: GraphStore, done: Absorption, is_marked: bool = True) -> tuple[Written, Remap]:
    """What an absorption does to the graph, and to manifests. `is_marked` as in `absorb`."""
    stand = done.stands_for

    def waits(wait: Pending) -> Pending:
        origin = facet_name(wait.origin, wait.ci if is_marked else "")
        return msgspec.structs.replace(wait, ci=stand[wait.ci], origin=origin)

    def remap(_: str, entry: ManifestEntry) -> ManifestEntry:
        stays = stand.get(entry.ci)
        if stays is None:
            return entry
        marks = [entry.ci if is_marked else "", entry.own]
        return ManifestEntry(entry.hash, stays, entry.at, ">".join(filter(None, marks)))

    written = Written(
        moved=[(child, stand[parent]) for child, parent in done.moved],
        ended=[(absorbed, stays) for stays, absorbed in done.pairs],
        pending=[(wait, waits(wait)) for wait in store.pending_of(stand)],
    )
    return written, remap


def open_draft(store: GraphStore, ids: Iterable[str], head: Head) -> Draft:
    """Read CIs with all their dependents and relationships, to be edited. Raises LimitExceeded for too many."""
    known = store.household(ids)
    if len(known) > MAX_CIS:
        raise LimitExceeded(f"these CIs have {len(known):,} parts; one decision may touch {MAX_CIS:,}")
    keys = {i.key for ci in known.values() for f in ci.facets.values() for i in f.identifiers}
    keys |= {i.key for ci in known.values() for i in ci.identifiers}
    return Draft(Candidates(head.sequence, store.by_key(sorted(keys)), {}, known), {})


def change_set(
    draft: Draft, written: Written, remap: Remap, store: GraphStore, model: Model, head: Head, at: int
) -> ChangeSet:
    """The change set of an edited draft; manifests of all origins concerned are passed through `remap`."""
    gone = {ci for ci, _ in written.ended}
    changes: list[Change] = [_returned(c, written.revisions) for c in ci_changes(draft, model)]
    moves: list[Change] = [
        MoveCI(ci, draft.known[ci].ci_class, parent, draft.known[ci].local_key) for ci, parent in written.moved
    ]
    born = [c for c in changes if isinstance(c, NewCI)]
    changed = [c for c in changes if not isinstance(c, NewCI) and getattr(c, "id", "") not in gone]
    ends = [EndCI(ci, into) for ci, into in reversed(written.ended)]
    return ChangeSet(
        max(at, head.at + 1),
        [*born, *moves, *changed, *link_changes(draft, model), *ends, *written.records],
        _targets(draft, remap, store),
        [after for _, after in written.pending],
        [before for before, _ in written.pending],
    )


def _returned(change: Change, revisions: Mapping[str, int]) -> Change:
    if isinstance(change, NewCI) and change.id in revisions:
        return msgspec.structs.replace(change, revision=revisions[change.id])
    return change


def origins_of(draft: Draft) -> set[str]:
    """All origins that said anything of the CIs of a draft or may have mentioned them."""
    names = {n for ci in draft.known.values() for n in ci.facets}
    names |= {n for ci in draft.known.values() for _, facets in ci.links.values() for n in facets}
    origins = {origin_of(n) for n in names}
    visited = {split_origin(o) for o in origins}
    return origins | {origin_name(source, target, part) for source, target in visited for part in (LINKS, SESSIONS)}


def _targets(draft: Draft, remap: Remap, store: GraphStore) -> list[SetTarget]:
    """What origins said last, with other CIs in it; those of which nothing changes are left out."""
    out = []
    for origin, state in store.targets(sorted(origins_of(draft)), manifests=True).items():
        moved = {name: remap(origin, entry) for name, entry in state.manifest.items()}
        manifest = {name: entry for name, entry in moved.items() if entry is not None}
        is_read_again = len(manifest) < len(moved) or any(not e.hash for e in manifest.values())
        after = msgspec.structs.replace(
            state,
            hash=b"" if is_read_again else state.hash,
            manifest=manifest,
            absent={to: a for ci, a in state.absent.items() for to in _homes(draft, remap, origin, ci)},
            unsaid={to: at for ci, at in state.unsaid.items() for to in _homes(draft, remap, origin, ci)},
        )
        if (after.manifest, after.absent, after.unsaid) != (state.manifest, state.absent, state.unsaid):
            out.append(set_target(origin, after))
    return out


def _homes(draft: Draft, remap: Remap, origin: str, ci: str) -> set[str]:
    """The CIs to which what an origin said of a CI goes; hardly ever are there two."""
    known, visit = draft.known.get(ci), split_origin(origin)
    owns = {split_facet_name(n)[0] for n in (known.facets if known else ()) if split_origin(origin_of(n)) == visit}
    found = (remap(origin, ManifestEntry(b"", ci, 0, own)) for own in owns or {""})
    return {entry.ci for entry in found if entry is not None}
