"""Random histories of a small graph, with what must hold after each commit, and fact changes applied and undone."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any

from cmdb.changes import (
    Change,
    EndCI,
    EndRelationship,
    Facet,
    LinkFacet,
    MoveCI,
    NewCI,
    NewRelationship,
    PutRecord,
    SetCI,
    SetRelationship,
)
from cmdb.history import FactChange
from cmdb.observation import Identifier
from cmdb.store.bolt import BoltStore
from cmdb.store.states import LinkState, State
from tests.contracts.build import AT, commit

DEVICES = ("NetworkDevice", "Computer")
SOURCES = ("snmp/a", "ssh/a", "manual/file")


@dataclass
class Snapshot:
    """CIs by id, as (class, parent, local key, status, attributes, identifiers), and relationships by their ends."""

    cis: dict[str, list[Any]] = field(default_factory=dict)
    links: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)


class Story:
    """A graph that changes at random, commit by commit; `after[n]` is what holds after commit n."""

    def __init__(self, seed: int) -> None:
        self.rng, self.now = random.Random(seed), Snapshot()
        self.after = [Snapshot()]
        self.absorbed: dict[str, tuple[str, list[Any]]] = {}
        self.revisions: dict[str, int] = {}
        self.numbers = iter(range(1, 10_000))
        self.used: set[Any] = set()  # what this commit has touched: a change set says of each thing one thing

    def tell(self, store: BoltStore, commits: int) -> None:
        """Commit as many random change sets."""
        while len(self.after) <= commits:
            self.used = set()
            changes = [c for _ in range(self.rng.randint(1, 5)) for c in self._change()]
            if changes:
                commit(store, *changes, at=AT + 1000 * len(self.after))
                self.after.append(copy.deepcopy(self.now))

    def _change(self) -> list[Change]:
        kinds = [self._new, self._new, self._part, self._set, self._set, self._set, self._tie, self._tie]
        kinds += [self._change_tie, self._untie, self._move, self._absorb, self._return, self._record, self._need]
        return self.rng.choice(kinds)()

    def _facets(self, ci_class: str, attributes: dict[str, Any]) -> dict[str, Facet]:
        said = self.rng.sample(SOURCES, self.rng.randint(1, 2))
        return {o: Facet(AT + self.rng.randint(0, 99), "x", "self", ci_class, dict(attributes)) for o in said}

    def _touch(self, *things: Any) -> bool:
        if any(t in self.used for t in things):
            return False
        self.used.update(things)
        return True

    def _pick(self, *classes: str) -> str | None:
        fit = sorted(i for i, c in self.now.cis.items() if c[0] in classes)
        return self.rng.choice(fit) if fit else None

    def _new(self) -> list[Change]:
        n = next(self.numbers)
        ci, ci_class = f"d{n:03d}", self.rng.choice(DEVICES)
        attributes = {"name": f"dev-{n}", "model": self.rng.choice("AB")}
        keys = (Identifier(f"serial:x:{n}"), Identifier(f"sysname:dev-{n}", False))
        self._touch(ci)
        self.revisions[ci] = 1
        self.now.cis[ci] = [ci_class, "", "", "in_service", attributes, {k.key: k.strong for k in keys}]
        return [NewCI(ci, ci_class, "", "", "in_service", attributes, keys, self._facets(ci_class, attributes), AT)]

    def _part(self) -> list[Change]:
        parent = self._pick(*DEVICES)
        if parent is None or not self._touch(("parts", parent)):
            return []
        return self._dependent("Interface", parent, {"mtu": self.rng.choice((1500, 9000))})

    def _need(self) -> list[Change]:
        owner, provider = self._pick(*DEVICES), self._pick(*DEVICES)
        if owner is None or provider is None or not self._touch(("parts", owner), ("whole", provider)):
            return []
        changes = self._dependent("Requirement", owner, {"needed": 1})
        key = (changes[0].id, "PROVIDED_BY", provider)  # type: ignore[union-attr]  # it is a NewCI
        self.now.links[key] = {"weight": 2}
        self.used.add(key)
        return [*changes, NewRelationship(*key, {"weight": 2}, {SOURCES[2]: LinkFacet(AT, "file", {"weight": 2})})]

    def _dependent(self, ci_class: str, parent: str, attributes: dict[str, Any]) -> list[Change]:
        n = next(self.numbers)
        ci, name = f"i{n:03d}", f"p-{n}"
        attributes = {"name": name, **attributes}
        self._touch(ci)
        self.revisions[ci] = 1
        self.now.cis[ci] = [ci_class, parent, name, "in_service", attributes, {}]
        return [NewCI(ci, ci_class, parent, name, "in_service", attributes, (), self._facets(ci_class, attributes), AT)]

    def _set(self) -> list[Change]:
        ci = self._pick(*DEVICES, "Interface", "Requirement")
        if ci is None or not self._touch(ci):
            return []
        held = self.now.cis[ci]
        old, rng = held[4], self.rng
        new = dict(old)
        values = {
            "Interface": {"mtu": rng.choice((1500, 9000, 64)), "alias": rng.choice(("up", "down"))},
            "Requirement": {"needed": rng.randint(1, 3)},
        }.get(
            held[0], {"model": rng.choice("ABC"), "os_version": rng.choice(("1", "2")), "name": f"n{rng.randint(1, 4)}"}
        )
        for name, value in values.items():
            draw = rng.random()
            if draw < 0.4:
                new[name] = value
            elif draw < 0.6 and name != "name":
                new.pop(name, None)
        held[0] = rng.choice(DEVICES) if held[0] in DEVICES else held[0]
        held[3] = rng.choice(("in_service", "missing", "retired"))
        held[4] = new
        identify, forget = self._keys(ci, held) if held[0] in DEVICES else ((), ())
        self.revisions[ci] += 1
        set_ = {n: v for n, v in new.items() if n not in old or old[n] != v}
        unset = tuple(sorted(n for n in old if n not in new))
        return [SetCI(ci, held[0], held[3], set_, unset, new, self._facets(held[0], new), identify, forget)]

    def _keys(self, ci: str, held: list[Any]) -> tuple[tuple[Identifier, ...], tuple[str, ...]]:
        keys: dict[str, bool] = held[5]
        identify, forget = [], []
        if self.rng.random() < 0.3:
            identify.append(Identifier(f"asset:{ci}:{self.rng.randint(1, 3)}", self.rng.random() < 0.5))
        for key in sorted(keys):
            if key != (identify[0].key if identify else "") and self.rng.random() < 0.2:
                forget.append(key)
        held[5] = {k: s for k, s in keys.items() if k not in forget} | {i.key: i.strong for i in identify}
        return tuple(identify), tuple(forget)

    def _tie(self) -> list[Change]:
        one, other = self._pick(*DEVICES, "Interface"), self._pick(*DEVICES, "Interface")
        if one is None or other is None or one == other:
            return []
        key = (min(one, other), "CONNECTED_TO", max(one, other))
        if key in self.now.links or not self._touch(key, ("whole", one), ("whole", other)):
            return []
        attributes = {"protocols": ["lldp"]} if self.rng.random() < 0.5 else {}
        self.now.links[key] = attributes
        return [NewRelationship(*key, attributes, {"snmp/a": LinkFacet(AT, "lldp", attributes)})]

    def _change_tie(self) -> list[Change]:
        keys = sorted(k for k in self.now.links if k[1] == "CONNECTED_TO")
        key = self.rng.choice(keys) if keys else None
        if key is None or not self._touch(key):
            return []
        attributes = {"protocols": self.rng.sample(("cdp", "lldp", "fdb"), 2)}
        self.now.links[key] = attributes
        return [SetRelationship(*key, attributes, {"ssh/a": LinkFacet(AT + 5, "lldp", attributes)})]

    def _untie(self) -> list[Change]:
        key = self.rng.choice(sorted(self.now.links)) if self.now.links else None
        if key is None or not self._touch(key):
            return []
        del self.now.links[key]
        return [EndRelationship(*key)]

    def _move(self) -> list[Change]:
        part, parent = self._pick("Interface"), self._pick(*DEVICES)
        if part is None or parent is None:
            return []
        held = self.now.cis[part]
        if held[1] == parent or not self._touch(("moved", part), ("parts", parent), ("parts", held[1])):
            return []
        held[1] = parent
        self.revisions[part] += part not in self.used
        return [MoveCI(part, "Interface", parent, held[2])]

    def _absorb(self) -> list[Change]:
        gone, into = self._pick(*DEVICES), self._pick(*DEVICES)
        if gone is None or into is None or gone == into:
            return []
        hangs = any(gone in (k[0], k[2]) for k in self.now.links) or any(c[1] == gone for c in self.now.cis.values())
        if hangs or not self._touch(gone, into, ("whole", gone), ("parts", gone), ("whole", into)):
            return []
        self.absorbed[gone] = into, self.now.cis.pop(gone)
        self.revisions[into] += 1
        ci_class, _, _, status, attributes, _ = self.now.cis[into]
        taken = SetCI(into, ci_class, status, {}, (), attributes, self._facets(ci_class, attributes))
        return [taken, EndCI(gone, into)]

    def _return(self) -> list[Change]:
        ci = self.rng.choice(sorted(self.absorbed)) if self.absorbed else None
        if ci is None or not self._touch(ci, ("whole", ci)):
            return []
        _, held = self.absorbed.pop(ci)
        self.revisions[ci] += 2
        self.now.cis[ci] = held
        keys = tuple(Identifier(k, s) for k, s in held[5].items())
        facets = self._facets(held[0], held[4])
        return [NewCI(ci, held[0], "", "", held[3], held[4], keys, facets, AT, self.revisions[ci])]

    def _record(self) -> list[Change]:
        return [PutRecord(f"r{next(self.numbers)}", "baseline", "taken", "a name", (), {"sequence": 1})]


def stored(store: BoltStore) -> Snapshot:
    """What the graph holds now."""
    found = Snapshot()
    for ci in store.scan_cis():
        keys = {i.key: i.strong for i in ci.identifiers}
        attributes = {**ci.attributes, "name": ci.name}
        found.cis[ci.id] = [ci.ci_class, ci.parent, ci.local_key, ci.status, attributes, keys]
    for r in store.scan_relationships():
        if r.facets:  # the others are ties, which come with their CIs
            found.links[r.source, r.type, r.target] = r.attributes
    return found


def apply(snapshot: Snapshot, fact: FactChange) -> None:
    """Do to a snapshot what a fact change says."""
    _put(snapshot, fact, fact.after, fact.before, appears=fact.kind != "RELATIONSHIP_ENDED")


def undo(snapshot: Snapshot, fact: FactChange) -> None:
    """Take a fact change back."""
    _put(snapshot, fact, fact.before, fact.after, appears=fact.kind == "RELATIONSHIP_ENDED", back=True)


def _put(snapshot: Snapshot, fact: FactChange, value: Any, other: Any, appears: bool, back: bool = False) -> None:
    if fact.setting:
        return
    if fact.relationship_type:
        _put_link(snapshot, fact, value, back)
        return
    name = fact.attribute.rpartition(".")[2]
    if isinstance(fact.whole, State):
        there = (fact.attribute == "absorbed_by") == back
        if there:
            w = fact.whole
            snapshot.cis[w.id] = [w.ci_class, w.parent, w.local_key, w.status, dict(w.attributes), dict(w.identifiers)]
        else:
            del snapshot.cis[fact.subject]
        return
    held = snapshot.cis[fact.subject]
    if fact.kind == "IDENTIFIER_CHANGED":
        if other is not None:
            held[5].pop(other, None)
        if value is not None:
            held[5][value] = True
    elif name in (fields := ("class", "parent", "local_key", "status")) and fact.kind != "ATTRIBUTE_CHANGED":
        held[fields.index(name)] = value
    elif value is None:
        held[4].pop(name, None)
    else:
        held[4][name] = value


def _put_link(snapshot: Snapshot, fact: FactChange, value: Any, back: bool) -> None:
    key = (fact.subject, fact.relationship_type, fact.other)
    name = fact.attribute.rpartition(".")[2]
    if fact.kind == "RELATIONSHIP_CHANGED" or (fact.kind == "REQUIREMENT_CHANGED" and name != "provider"):
        if value is None:
            snapshot.links[key].pop(name, None)
        else:
            snapshot.links[key][name] = value
        return
    assert isinstance(fact.whole, LinkState)
    if key in snapshot.links:
        assert snapshot.links.pop(key) == fact.whole.attributes
    else:
        snapshot.links[key] = dict(fact.whole.attributes)


def differences(one: Snapshot, other: Snapshot) -> list[Any]:
    """Where two snapshots are not the same. Of identifiers the keys count, not how strong they are."""

    def plain(snapshot: Snapshot) -> dict[Any, Any]:
        return {i: [*c[:5], sorted(c[5])] for i, c in snapshot.cis.items()} | snapshot.links

    left, right = plain(one), plain(other)
    return [(k, left.get(k), right.get(k)) for k in sorted({*left, *right}, key=str) if left.get(k) != right.get(k)]
