"""Naming one CI on the command line."""

from __future__ import annotations

from cmdb.errors import AmbiguousKey, NotFound
from cmdb.store.protocol import CIRef, GraphStore, Moment

SHOWN = 80  # characters of a key that an error repeats


def find_one(store: GraphStore, key: str, moment: Moment | None = None) -> CIRef:
    """The CI that an id, an identifier or a unique name means, or meant then; raises NotFound or AmbiguousKey."""
    found = store.resolve(key, moment.at if moment else None)
    if not found:
        shown = key if len(key) <= SHOWN else key[:SHOWN] + "…"
        if moment:
            raise NotFound(f"nothing was known by {shown!r} after commit {moment.sequence}")
        raise NotFound(f"nothing is known by {shown!r}; `cmdb ci list --name {key[:20]}` lists what begins so")
    if len(found) > 1:
        raise AmbiguousKey(key, [(c.id, c.ci_class, c.name) for c in found[:10]])
    return found[0]
