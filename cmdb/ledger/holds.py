"""Legal holds: what must be kept, whatever a retention rule says."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import AmbiguousKey, Invalid, NotFound
from cmdb.store.protocol import GraphStore, StoredRecord

KIND, ACTIVE, RELEASED = "hold", "active", "released"


class Hold(msgspec.Struct, frozen=True):
    """What is held: CIs with all that is part of them, or everything where `cis` is empty. Times in epoch ms."""

    name: str
    state: str
    cis: tuple[str, ...]
    reason: str
    since: int
    changed: int


def holds(store: GraphStore, released: bool = False) -> list[Hold]:
    """Active holds by name; with `released` also those that were."""
    states = () if released else (ACTIVE,)
    return [_hold(record) for record in store.records(kinds=(KIND,), states=states)]


def add_hold(store: GraphStore, name: str, reason: str, keys: Iterable[str], at: int) -> ChangeSet:
    """The change that puts a hold on the CIs that ids, identifiers or names mean, or on everything where none is given.

    Raises Invalid where there is such a hold, NotFound or AmbiguousKey for a key that does not mean one CI.
    """
    if not name.strip() or not reason.strip():
        raise Invalid("a hold has a name and a reason")
    if any(r.state == ACTIVE for r in store.records(ids=(record_id(name),))):
        raise Invalid(f"there is a hold {name!r} already; release it first, or give another name")
    cis = tuple(sorted({_one(store, key) for key in keys}))
    return ChangeSet(at, [PutRecord(record_id(name), KIND, ACTIVE, name, cis, {}, {"reason": reason})])


def release_hold(store: GraphStore, name: str, reason: str, at: int) -> ChangeSet:
    """The change that ends a hold. Raises NotFound where there is none, Invalid without a reason."""
    if not reason.strip():
        raise Invalid("say why the hold ends")
    for record in store.records(ids=(record_id(name),)):
        if record.state == ACTIVE:
            texts = {**record.texts, "released": reason}
            return ChangeSet(at, [PutRecord(record.id, KIND, RELEASED, name, record.about, record.body, texts)])
    named = ", ".join(hold.name for hold in holds(store)) or "none"
    raise NotFound(f"there is no hold {name!r}; those in force: {named}")


def record_id(name: str) -> str:
    """The id of the record of a hold."""
    return f"hold:{name}"


def _hold(record: StoredRecord) -> Hold:
    reason = record.texts.get("reason", "")
    return Hold(record.title, record.state, record.about, reason, record.at, record.changed)


def _one(store: GraphStore, key: str) -> str:
    found = store.resolve(key)
    if not found:
        raise NotFound(f"no CI has the id, identifier or name {key!r}")
    if len(found) > 1:
        raise AmbiguousKey(key, [(r.id, r.ci_class, r.name) for r in found])
    return found[0].id
