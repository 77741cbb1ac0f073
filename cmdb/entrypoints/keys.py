"""What keys name: one CI on the command line, or the CIs of many keys at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from cmdb.errors import AmbiguousKey, NotFound
from cmdb.model.registry import Model
from cmdb.store.protocol import CIRecord, CIRef, Condition, Filter, GraphStore, Moment
from cmdb.wording import part_title

SHOWN = 80  # characters of a key that an error repeats
CHUNK, PAGE = 500, 1_000
THERE = ("planned", "in_stock", "in_service", "missing")


def find_one(store: GraphStore, key: str, moment: Moment | None = None) -> CIRef:
    """The CI that an id, an identifier or a unique name means, or meant then; raises NotFound or AmbiguousKey."""
    found = store.resolve(key, moment.at if moment else None)
    if not found:
        shown = key if len(key) <= SHOWN else key[:SHOWN] + "…"
        if moment:
            raise NotFound(f"nothing was known by {shown!r} after commit {moment.sequence}")
        raise NotFound(f"nothing is known by {shown!r}; `cmdb ci list --name {key[:20]}` lists what begins so")
    if len(found) > 1:
        raise AmbiguousKey(key, [(c.id, c.ci_class, c.name) for c in found])
    return found[0]


def find_all(store: GraphStore, model: Model, keys: Sequence[str]) -> dict[str, list[str]]:
    """Keys -> the CIs (ids) that each names as an id, else as an identifier, else as a name, those that are there.

    A few queries for some hundred keys; a key that names nothing is left out.
    """
    wanted = list(dict.fromkeys(keys))
    found: dict[str, list[str]] = {}
    for at in range(0, len(wanted), CHUNK):
        some = wanted[at : at + CHUNK]
        found |= {ci.id: [ci.id] for ci in store.cis(some) if _is_there(ci, model)}
        holders = store.by_key([key for key in some if key not in found])
        ids = sorted({ci for held in holders.values() for ci, _ in held})
        there = {ci.id for ci in store.cis(ids) if _is_there(ci, model)} if ids else set()
        found |= {key: cis for key, held in holders.items() if (cis := [ci for ci, _ in held if ci in there])}
        found |= _named(store, model, [key for key in some if key not in found])
    return found


def titles(store: GraphStore, ids: Sequence[str]) -> dict[str, str]:
    """CIs (ids) -> what they are called in a table: `device / part`; a query for each level of parts."""
    known = {ci.id: ci for ci in store.cis(list(ids))}
    above = {ci.parent for ci in known.values() if ci.parent}
    while further := sorted(above - known.keys()):
        found = store.cis(further)
        known |= {ci.id: ci for ci in found}
        above = {ci.parent for ci in found if ci.parent}
    return {id_: _title(known[id_], known) for id_ in ids if id_ in known}


def _title(ci: CIRecord, known: Mapping[str, CIRecord]) -> str:
    whole = ci
    while whole.parent in known:
        whole = known[whole.parent]
    return ci.name if whole is ci else part_title(ci.name, whole.name)


def find_retired(store: GraphStore, model: Model, keys: Sequence[str]) -> dict[str, str]:
    """Keys -> names of retired CIs that they mean, as an id or an identifier; a key that means none is left out."""
    wanted = list(dict.fromkeys(key for key in keys if key))
    if not wanted:
        return {}
    holders = {key: [ci for ci, _ in held] for key, held in store.by_key(wanted).items()}
    ids = sorted({*wanted, *(ci for held in holders.values() for ci in held)})
    gone = {ci.id: ci.name for ci in store.cis(ids) if ci.status == "retired" and ci.ci_class in model.classes}
    meant = {key: next((ci for ci in (key, *holders.get(key, ())) if ci in gone), "") for key in wanted}
    found = {key: f"{gone[ci]} ({ci})" for key, ci in meant.items() if ci}
    names = [key for key in wanted if key not in found]
    asked = Filter((Condition("name", "in", names), Condition("status", "in", ["retired"])))
    by_name = {ci.name.lower(): f"{ci.name} ({ci.id})" for ci in store.find(asked, first=PAGE).cis} if names else {}
    return found | {key: by_name[key.lower()] for key in names if key.lower() in by_name}


def _named(store: GraphStore, model: Model, names: Sequence[str]) -> dict[str, list[str]]:
    if not names:
        return {}
    asked = Filter((Condition("name", "in", list(names)), Condition("status", "in", list(THERE))))
    by_name: dict[str, list[str]] = defaultdict(list)
    for ci in store.find(asked, first=PAGE).cis:
        if _is_there(ci, model):
            by_name[ci.name.lower()].append(ci.id)
    return {name: by_name[name.lower()] for name in names if name.lower() in by_name}


def _is_there(ci: CIRecord, model: Model) -> bool:
    known = model.classes.get(ci.ci_class)
    return ci.status != "retired" and known is not None and not known.internal
