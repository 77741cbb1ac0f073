"""Take an identity decision back."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cmdb.changes import ChangeSet, ManifestEntry, PutRecord, PutTask
from cmdb.errors import Refused
from cmdb.identity.decide import Decided, class_facet, moved_entry, settle_task, waits
from cmdb.identity.decisions import RECORD, UNDONE, Decision, Kind, find, one, put, read
from cmdb.identity.household import Remap, Written, absorbing, change_set, open_draft
from cmdb.ingest import Ingest
from cmdb.observation import split_facet_name
from cmdb.reconcile.absorb import absorb
from cmdb.reconcile.draft import Born, Draft
from cmdb.reconcile.separate import Separation, give_back
from cmdb.store.protocol import Head, StoredRecord


class _Undoing(msgspec.Struct, frozen=True):
    """One decision on its way back."""

    ingest: Ingest
    record: StoredRecord
    decision: Decision
    actor: str
    reason: str
    head: Head

    def records(self) -> list[PutRecord | PutTask]:
        """The record as one that no longer stands, and its task open again."""
        undone = msgspec.structs.replace(self.decision, undone_by=self.actor, undone_at=self.head.sequence + 1)
        why = f"{self.record.texts.get('reason', '')}\ntaken back: {self.reason}"
        return [
            put(self.record.id, undone, UNDONE, why, self.record.title),
            *settle_task(self.ingest, self.decision.task, "open"),
        ]

    def draft(self, *cis: str) -> Draft:
        return open_draft(self.ingest.store, cis, self.head)

    def change_set(self, draft: Draft, written: Written, remap: Remap) -> ChangeSet:
        ingest = self.ingest
        return change_set(draft, written, remap, ingest.store, ingest.model, self.head, ingest.clock_ms())


def undo(ingest: Ingest, decision_id: str, actor: str, reason: str, dry_run: bool = False) -> Decided:
    """Take a decision back: an absorbed CI returns with its facets, identifiers, dependents and relationships, those
    said since the merge included; what a split made is one again.

    Raises Refused where there is no such decision, where it does not stand, or where a later one must be undone first.
    """
    cis: list[tuple[str, ...]] = [()]

    def make(head: Head) -> ChangeSet:
        record = find(ingest.store, decision_id)
        if record.state == UNDONE:
            raise Refused("WRONG_STATE", "decision", f"decision {decision_id} was taken back before")
        decision = read(record)
        cis[0] = (decision.cis[0],) if decision.kind == "split" else tuple(decision.cis)
        return _BACK[decision.kind](_Undoing(ingest, record, decision, actor, reason, head))

    if not reason.strip():
        raise Refused("INVALID", "reason", "say why: the reason goes into the ledger")
    sequence, written = ingest.decide(make, actor, reason, dry_run)
    return Decided(decision_id, sequence, cis[0], tuple(written.changes if written else ()), (sequence,))


def _unmerge(ask: _Undoing) -> ChangeSet:
    store, decision = ask.ingest.store, ask.decision
    kept, gone = decision.cis
    draft = ask.draft(kept)
    if kept not in draft.known or decision.absorption is None:
        later = store.absorbed([kept]).get(kept, "another CI")
        raise Refused("WRONG_STATE", "decision", f"{kept} itself was absorbed by {later} since: undo that merge first")

    after = [r.id for r in store.records_about([kept], (RECORD,)) if _stands_on(read(r), r, decision)]
    if after:
        raise Refused("WRONG_STATE", "decision", f"{kept} was decided about again: undo decision {after[-1]} first")

    def was(ci: str) -> tuple[Born, frozenset[str]]:
        then = decision.was[ci]
        return Born(then.ci_class, then.parent, then.local_key, then.first_seen), frozenset(then.keys)

    out = give_back(draft, decision.absorption, was, ask.ingest.new_id, ask.ingest.model)
    if (kept, gone) not in out.pairs:
        raise Refused(
            "WRONG_STATE",
            "decision",
            f"the sources of {kept} or of {gone} were dropped since the merge: nothing is left to tell them apart by",
        )
    written = Written(
        moved=out.moved,
        revisions={ci: decision.was[ci].revision + 2 for ci in out.leaving.values()},
        pending=waits(store.pending_of(out.leaving), out),
        records=ask.records(),
    )
    again = _to_be_said_again(draft, out, ask.record.at)

    def remap(origin: str, entry: ManifestEntry) -> ManifestEntry | None:
        moved = moved_entry(origin, entry, out)
        if moved is None or (origin, entry.ci) not in again:
            return moved
        return ManifestEntry(b"", moved.ci, moved.at, moved.own)

    return ask.change_set(draft, written, remap)


def _stands_on(other: Decision, record: StoredRecord, decision: Decision) -> bool:
    """Whether another merge or split of the same CI came after a decision and still stands."""
    is_later = other.sequence > decision.sequence and other.cis[0] == decision.cis[0]
    return is_later and other.kind in ("merge", "split") and record.state != UNDONE


def _to_be_said_again(draft: Draft, out: Separation, merged_at: int) -> set[tuple[str, str]]:
    """(Origin, CI) of what others said of the merged CI since: only they can tell now whom they mean."""
    again = set()
    for stays in out.leaving:
        for tie, (_, facets) in draft.known[stays].links.items():
            far = tie[2] if tie[0] == stays else tie[0]
            for name, facet in facets.items():
                own, origin = split_facet_name(name)
                if not own and facet.since >= merged_at and origin not in draft.known[stays].facets:
                    again.add((origin, far))
    return again


def _unsplit(ask: _Undoing) -> ChangeSet:
    store = ask.ingest.store
    kept, new = ask.decision.cis
    draft = ask.draft(kept, new)
    for ci in (kept, new):
        one(draft, store, ci, "decision")
    done = absorb(draft, kept, new, ask.ingest.model, is_marked=False)
    written, remap = absorbing(store, done, is_marked=False)
    written.records = ask.records()
    return ask.change_set(draft, written, remap)


def _reclassify_back(ask: _Undoing) -> ChangeSet:
    draft = ask.draft(*ask.decision.cis)
    ci = one(draft, ask.ingest.store, ask.decision.cis[0], "decision").id
    draft.facets_of(ci).pop(class_facet(ci), None)
    return ask.change_set(draft, Written(records=ask.records()), lambda _, entry: entry)


def _forget(ask: _Undoing) -> ChangeSet:
    return ChangeSet(max(ask.ingest.clock_ms(), ask.head.at + 1), [*ask.records()])


_BACK: dict[Kind, Callable[[_Undoing], ChangeSet]] = {
    "merge": _unmerge,
    "split": _unsplit,
    "reclassify": _reclassify_back,
    "keep_apart": _forget,
    "ignore": _forget,
}
