"""What was decided about identity, as it is kept in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from cmdb.changes import Evidence, PutRecord
from cmdb.errors import Refused
from cmdb.model.registry import Model
from cmdb.reconcile.absorb import Absorption
from cmdb.reconcile.draft import Draft
from cmdb.reconcile.evidence import MOST_EVIDENCE, compare
from cmdb.reconcile.evidence import evidence as pair_evidence
from cmdb.store.protocol import GraphStore, KnownCI, StoredRecord

RECORD = "identity_decision"
Kind = Literal["merge", "split", "keep_apart", "reclassify", "ignore"]
STANDS, APART, UNDONE = "stands", "keeps_apart", "undone"


class Was(msgspec.Struct, array_like=True):
    """What a CI was when another one absorbed it."""

    ci_class: str
    parent: str
    local_key: str
    first_seen: int
    revision: int
    keys: tuple[str, ...] = ()


class Decision(msgspec.Struct, kw_only=True):
    """The body of the record. `cis` names the one that is kept first; what is not needed for the kind is empty.

    `sequence` is that of its commit, `undone_at` that of the one that took it back (0: none).
    """

    kind: Kind
    cis: list[str]
    actor: str
    sequence: int
    evidence: list[Evidence] = []
    task: str = ""
    absorption: Absorption | None = None
    was: dict[str, Was] = {}
    ci_class: str = ""
    undone_by: str = ""
    undone_at: int = 0


def put(id_: str, decision: Decision, state: str, reason: str, title: str) -> PutRecord:
    """The record of a decision."""
    body: dict[str, Any] = msgspec.to_builtins(decision)
    return PutRecord(id_, RECORD, state, title, tuple(decision.cis), body, {"reason": reason})


def read(record: StoredRecord) -> Decision:
    """The decision in a record."""
    return msgspec.convert(record.body, Decision)


def find(store: GraphStore, id_: str) -> StoredRecord:
    """The record of a decision; raises Refused where there is none."""
    found = store.records(ids=[id_])
    if not found or found[0].kind != RECORD:
        raise Refused("NOT_FOUND", "decision", f"there is no identity decision {id_!r}; `cmdb identity list --decided`")
    return found[0]


def evidence(draft: Draft, cis: Sequence[str], model: Model) -> list[Evidence]:
    """What the identifiers of some CIs say about whether they are the thing that the first one is."""
    parties = [draft.party(ci) for ci in cis]
    shown: dict[Evidence, None] = {}
    for other in parties[1:]:
        shown.update(dict.fromkeys(pair_evidence(parties[0], other, compare(parties[0], other, model))))
    return list(shown)[:MOST_EVIDENCE]


def one(draft: Draft, store: GraphStore, ci: str, field: str) -> KnownCI:
    """A CI of a draft; raises Refused that says what became of one that is not there."""
    found = draft.known.get(ci)
    if found is not None:
        return found
    into = store.absorbed([ci]).get(ci)
    if into:
        raise Refused("WRONG_STATE", field, f"CI {ci} was absorbed by {into}: name that one, or undo the merge")
    raise Refused("NOT_FOUND", field, f"there is no CI {ci}")
