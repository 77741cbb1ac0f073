"""What the ledger says of the past: the chain is verified on the way, so what comes from it is proven."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from cmdb.changes import Change, EndCI, EndRelationship, NewCI, NewRelationship, SetCI, SetRelationship
from cmdb.errors import Invalid
from cmdb.ledger import check_link, read_chain
from cmdb.model.registry import Model
from cmdb.observation import Value, origin_of, split_origin
from cmdb.service.people import login
from cmdb.service.scope import Scope
from cmdb.store.protocol import Commit, GraphStore

PERSONS = frozenset(("manual", "stock"))  # kinds of source that speak for people
SESSIONS = frozenset(("SEEN_ON", "CONNECTS_TO"))  # relationships that come and go by themselves


class Population(msgspec.Struct, frozen=True):
    """The CIs of a scope at a sequence, and who edited which of them; `at` and `hash` are those of that commit.

    `edits` maps logins to CIs, counted from a time on.
    """

    sequence: int
    at: int
    hash: str
    ids: tuple[str, ...]
    edits: dict[str, set[str]]


class Expected(msgspec.Struct):
    """One CI as the ledger left it at a sequence. `attributes` includes `name`."""

    ci_class: str
    status: str
    attributes: dict[str, Value]


class Since(msgspec.Struct):
    """CIs as they were at a sequence, and what the ledger says happened since.

    `relationships` maps a CI to (type, other end, whether it starts here) → (was there, is there), where these differ.
    `new` are CIs that came into the scope and were not in it at the sequence.
    """

    expected: dict[str, Expected] = {}
    relationships: dict[str, dict[tuple[str, str, bool], tuple[bool, bool]]] = {}
    new: set[str] = set()


def is_person(facet: str) -> bool:
    """Whether a person said this facet, by its name."""
    source, _ = split_origin(origin_of(facet))
    return source.partition(":")[0] in PERSONS


def walk(store: GraphStore, until: int | None = None) -> Iterator[Commit]:
    """All commits up to a sequence, each link checked. Raises Invalid where the chain is broken or ends too early."""
    previous, count = "", 0
    for commit in read_chain(store):
        if until is not None and commit.sequence > until:
            return
        problem = check_link(commit, count + 1, previous)
        if problem:
            raise Invalid(f"the ledger can't be relied on: {problem}; see `cmdb ledger verify`")
        previous, count = commit.hash, commit.sequence
        yield commit
    if until is not None and count < until:
        raise Invalid(f"the ledger ends at sequence {count}, before {until}")


def population(store: GraphStore, model: Model, scope: Scope, until: int, since_ms: int) -> Population:
    """The CIs of a scope at a sequence, and who edited them from a time (epoch ms) on."""
    inside: set[str] = set()
    said: dict[str, dict[str, str]] = {}  # CI -> what persons said of it: facet -> hash
    edits: dict[str, set[str]] = {}
    at, hash_ = 0, ""
    for commit in walk(store, until):
        at, hash_ = commit.at, commit.hash
        for change in commit.changes():
            edited = _edited(change, said)
            if edited and commit.at >= since_ms:
                edits.setdefault(login(commit.actor), set()).update(edited)
            if isinstance(change, EndCI):
                inside.discard(change.id)
            elif isinstance(change, NewCI | SetCI):
                _sort(change, inside, scope, model)
    kept = {who: cis & inside for who, cis in edits.items() if cis & inside}
    return Population(until, at, hash_, tuple(sorted(inside)), kept)


def _edited(change: Change, said: dict[str, dict[str, str]]) -> set[str]:
    """CIs that a person's word or decision changed; notes that word."""
    if isinstance(change, EndCI):
        said.pop(change.id, None)
        return {change.id, change.into}
    if not isinstance(change, NewCI | SetCI):
        return set()
    now = {name: facet.hash for name, facet in change.facets.items() if facet.gone is None and is_person(name)}
    before = said.get(change.id, {})
    if now:
        said[change.id] = now
    else:
        said.pop(change.id, None)
    return {change.id} if now != before else set()


def _sort(change: NewCI | SetCI, inside: set[str], scope: Scope, model: Model) -> None:
    name = str(change.attributes.get("name", ""))
    if scope.holds(model, change.ci_class, name, change.status):
        inside.add(change.id)
    else:
        inside.discard(change.id)


def draw(ids: Collection[str], size: int, seed: str) -> tuple[str, ...]:
    """`size` of these ids, drawn by a seed: those with the smallest SHA-256 of `seed:id`, which anybody can repeat."""
    ranked = heapq.nsmallest(size, ids, key=lambda ci: hashlib.sha256(f"{seed}:{ci}".encode()).digest())
    return tuple(sorted(ranked))


def since(store: GraphStore, model: Model, scope: Scope, sequence: int, wanted: Collection[str]) -> Since:
    """These CIs as they were at a sequence, and what happened to them and in the scope up to the head."""
    out = Since()
    chosen = set(wanted)
    inside: set[str] = set()
    now: set[str] = set()
    for commit in walk(store):
        later = commit.sequence > sequence
        for change in commit.changes():
            if isinstance(change, NewCI | SetCI):
                _sort(change, now if later else inside, scope, model)
                if not later and change.id in chosen:
                    out.expected[change.id] = Expected(change.ci_class, change.status, change.attributes)
            elif isinstance(change, EndCI):
                (now if later else inside).discard(change.id)
                if not later:
                    out.expected.pop(change.id, None)
            elif later and isinstance(change, NewRelationship | SetRelationship | EndRelationship):
                _note_relationship(change, chosen, out)
    for ends in out.relationships.values():
        for end in [e for e, (was, is_) in ends.items() if was == is_]:
            del ends[end]
    out.new = now - inside
    return out


def _note_relationship(
    change: NewRelationship | SetRelationship | EndRelationship, chosen: set[str], out: Since
) -> None:
    if change.type in SESSIONS:
        return
    was, is_ = not isinstance(change, NewRelationship), not isinstance(change, EndRelationship)
    for ci, other, starts in ((change.source, change.target, True), (change.target, change.source, False)):
        if ci in chosen:
            ends: dict[Any, tuple[bool, bool]] = out.relationships.setdefault(ci, {})
            key = (change.type, other, starts)
            ends[key] = (ends[key][0] if key in ends else was, is_)
