"""Saying what differs between ledger and store: which property, between which values, and who wrote it last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from cmdb.ledger.deep import SMALL, Suspects, bucket_of, link_version_of, version_of
from cmdb.ledger.nodes import CI_ENVELOPE, LINK_ENVELOPE, Properties, ci_envelope, described, fingerprint
from cmdb.ledger.replay import Ends, Kind, Replay, link_key
from cmdb.model.registry import Model
from cmdb.store.protocol import GraphStore
from cmdb.store.rows import RELATIONSHIP_RESERVED

Facts = dict[str, Any]  # what a person calls a property -> value
MOST = 10  # lines about one thing


class Detail(Replay):
    """A replay that keeps everything of what is suspected, and nothing of the rest."""

    def __init__(self, model: Model, suspects: Suspects) -> None:
        super().__init__(model)
        self.suspects = suspects
        self.facts: dict[tuple[Kind, Any], Facts] = {}
        self.writers: dict[tuple[Kind, Any], dict[str, int]] = defaultdict(dict)  # "" is the thing itself
        self.ends: dict[bytes, Ends] = {}
        self.versions: dict[str, list[tuple[Facts, int]]] = defaultdict(list)
        self.link_versions: dict[bytes, list[tuple[Facts, int]]] = defaultdict(list)

    def wants(self, kind: Kind, key: Any) -> bool:
        """Whether everything of a thing is kept."""
        suspects = self.suspects
        if kind == "ci":
            return key in suspects.cis or bucket_of(key) in suspects.buckets
        if kind == "relationship":
            return key in suspects.links or bucket_of(key) in suspects.link_buckets
        return (kind, key) in suspects.small

    def kept(self, kind: Kind, key: Any, content: Properties) -> Any:
        return content if self.wants(kind, key) else None

    def superseded(self, ci: str, content: Any, envelope: tuple[Any, ...]) -> None:
        if content is not None and bucket_of(ci) in self.suspects.buckets:
            self.versions[ci].append((ci_facts(content, envelope), self.writers["ci", ci].get("", 0)))

    def link_superseded(self, key: bytes, content: Any, envelope: tuple[Any, ...]) -> None:
        if content is not None and bucket_of(key) in self.suspects.link_buckets:
            writer = self.writers["relationship", key].get("", 0)
            self.link_versions[key].append((link_facts(content, envelope), writer))

    def wrote(self, kind: Kind, key: Any, ends: Ends | None = None) -> None:
        if not self.wants(kind, key):
            return
        if ends is not None:
            self.ends[key] = ends
        before, after = self.facts.get((kind, key), {}), self._facts(kind, key)
        writers = self.writers[kind, key]
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name):
                writers[name] = self.sequence
        writers[""] = self.sequence
        self.facts[kind, key] = after

    def _facts(self, kind: Kind, key: Any) -> Facts:
        """What holds of a thing now; nothing where it is gone."""
        if kind == "ci":
            ci = self.cis.get(key)
            return ci_facts(ci.content, ci.envelope(), ci.identifiers) if ci else {}
        if kind == "relationship":
            link = self.links.get(key)
            return link_facts(link.content, link.envelope()) if link else {}
        if kind == "absorbed":
            return dict(zip(("into", "at"), self.absorbed[key], strict=True)) if key in self.absorbed else {}
        if kind == "task":
            return described(self.tasks[key])
        content, *rest = self.records[key]
        return {**content, **dict(zip(("at", "changed", "revision"), rest, strict=True))}


def ci_facts(content: Properties, envelope: tuple[Any, ...], identifiers: dict[str, bool] | None = None) -> Facts:
    """A CI, or a version of one, in the words of a person."""
    facts = described(content) | _known(CI_ENVELOPE, envelope)
    return facts | {f"identifier {key}": "strong" if s else "weak" for key, s in (identifiers or {}).items()}


def link_facts(content: Properties, envelope: tuple[Any, ...]) -> Facts:
    """A relationship, or a version of one, in the words of a person."""
    return described(content, RELATIONSHIP_RESERVED) | _known(LINK_ENVELOPE, envelope)


def _known(names: tuple[str, ...], values: tuple[Any, ...]) -> Facts:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def differences(store: GraphStore, detail: Detail) -> Iterator[str]:
    """What differs, in lines that each name a thing, a property, and the commit that wrote it last."""
    yield from _cis(store, detail)
    yield from _links(store, detail)
    for kind in SMALL:
        yield from _small(store, detail, kind)
    yield from _versions(store, detail)
    yield from _link_versions(store, detail)
    if detail.suspects.more:
        yield f"and {detail.suspects.more} more things that differ"


def _cis(store: GraphStore, detail: Detail) -> Iterator[str]:
    found: dict[str, Facts] = {}
    wanted = detail.suspects.cis
    for properties, identifiers in store.stored.cis(wanted):
        envelope = ci_envelope(properties.get(name) for name in CI_ENVELOPE)
        content = {k: v for k, v in properties.items() if k not in CI_ENVELOPE}
        found[str(properties["id"])] = ci_facts(content, envelope, {key: strong for key, strong in identifiers})
        if len({key for key, _ in identifiers}) != len(identifiers):
            yield f"CI {properties['id']}: an identifier names it twice"
    for ci in sorted(wanted):
        yield from _compared(f"CI {ci}", detail, ("ci", ci), found.get(ci))


def _links(store: GraphStore, detail: Detail) -> Iterator[str]:
    named = {key: ends or detail.ends.get(key) for key, ends in detail.suspects.links.items()}
    found: dict[bytes, list[Facts]] = defaultdict(list)
    for source, type_, target, properties in store.stored.relationships({e[0] for e in named.values() if e}):
        if (key := link_key((source, type_, target))) in named:
            envelope = tuple(properties.get(name) for name in LINK_ENVELOPE)
            content = {k: v for k, v in properties.items() if k not in LINK_ENVELOPE}
            found[key].append(link_facts(content, envelope))
    for key, ends in named.items():
        source, type_, target = ends or ("?", "?", "?")
        name = f"relationship {type_} {source} → {target}"
        if len(found[key]) > 1:
            yield f"{name} is in the graph {len(found[key])} times"
        yield from _compared(name, detail, ("relationship", key), found[key][0] if found[key] else None)


def _small(store: GraphStore, detail: Detail, kind: Kind) -> Iterator[str]:
    wanted = {key for of, key in detail.suspects.small if of == kind}
    if not wanted:
        return
    shown = {str(p.get("id")): p for p in store.stored.nodes(SMALL[kind])}
    for key in sorted(wanted):
        properties = shown.get(key)
        name = {"task": "identity task", "record": "record", "absorbed": "absorbed CI"}[str(kind)]
        if properties is not None and kind == "absorbed":
            properties = {k: v for k, v in properties.items() if k != "id"}
        facts = described(properties) if properties is not None and kind == "task" else properties
        yield from _compared(f"{name} {key}", detail, (kind, key), facts)


def _compared(name: str, detail: Detail, what: tuple[Kind, Any], shown: Facts | None) -> Iterator[str]:
    """The lines about one thing; `shown` is what the store holds of it."""
    told, writers = detail.facts.get(what) or None, detail.writers.get(what, {})
    if what[0] == "ci" and told is not None and (state := detail.cis.get(what[1])) and state.revision is None:
        shown = {k: v for k, v in (shown or {}).items() if k != "revision"} if shown is not None else None
    last = f"commit {writers.get('', 0)} wrote it last"
    if told is None and shown is None:
        return
    if told is None:
        ended = f"; commit {writers['']} ended it" if "" in writers else ""
        yield f"{name} is in the graph, but not in the ledger{ended}"
    elif shown is None:
        yield f"{name} is in the ledger, but not in the graph; {last}"
    else:
        lines = list(_property_lines(name, told, shown, writers))
        yield from lines[:MOST]
        if len(lines) > MOST:
            yield f"{name}: and {len(lines) - MOST} more properties"
        if not lines:
            yield f"{name}: its facets are written in another way than the ledger gives; {last}"


def _property_lines(name: str, told: Facts, shown: Facts, writers: dict[str, int]) -> Iterator[str]:
    if "facets" in shown:  # they can't be taken apart
        told = {k: v for k, v in told.items() if not k.startswith("facet ")} | {"facets": ""}
    for what in sorted(told.keys() | shown.keys()):
        if told.get(what) == shown.get(what) and type(told.get(what)) is type(shown.get(what)):
            continue
        last = f"commit {writers.get(what, writers.get('', 0))} wrote it last"
        yield f"{name}: {what} is {_digest(shown, what)}, the ledger says {_digest(told, what)}; {last}"


def _digest(facts: Facts, what: str) -> str:
    """A value as it may be shown to anybody: a text can be private."""
    return fingerprint(facts[what]).hex()[:16] if what in facts else "absent"


def _versions(store: GraphStore, detail: Detail) -> Iterator[str]:
    if not detail.suspects.buckets:
        return
    unsaid = {ci for ci, versions in detail.versions.items() if any("revision" not in f for f, _ in versions)}
    shown: dict[str, list[Facts]] = defaultdict(list)
    for properties in store.stored.versions():
        ci, content, envelope = version_of(properties, unsaid)
        if bucket_of(ci) in detail.suspects.buckets:
            shown[ci].append(ci_facts(content, envelope))
    for ci in sorted(shown.keys() | detail.versions.keys()):
        yield from _history(f"CI {ci}", detail.versions.get(ci, []), shown[ci])


def _link_versions(store: GraphStore, detail: Detail) -> Iterator[str]:
    if not detail.suspects.link_buckets:
        return
    shown: dict[bytes, list[Facts]] = defaultdict(list)
    for properties in store.stored.relationship_versions():
        key, content, envelope = link_version_of(properties)
        if bucket_of(key) in detail.suspects.link_buckets:
            shown[key].append(link_facts(content, envelope))
    for key in shown.keys() | detail.link_versions.keys():
        told = detail.link_versions.get(key, [])
        one = (told[0][0] if told else shown[key][0]) if told or shown[key] else {}
        name = f"relationship {one.get('rel_type')} {one.get('source_id')} → {one.get('target_id')}"
        yield from _history(name, told, shown[key])


def _history(name: str, told: list[tuple[Facts, int]], shown: list[Facts]) -> Iterator[str]:
    """The lines about the superseded versions of one thing. Versions are known by the time at which they ended."""
    left = list(shown)
    missing = []
    for facts, writer in told:
        if facts in left:
            left.remove(facts)
        else:
            missing.append((facts, writer))
    for facts, writer in missing[:MOST]:
        version = f"{name}, version from {facts.get('from')} to {facts.get('to')}"
        same = [f for f in left if any(f.get(k) == facts.get(k) for k in ("to", "from", "revision"))]
        if not same:
            yield f"{version} is in the ledger, but not in the history; commit {writer} wrote it"
            continue
        close = max(same, key=lambda f: sum(f.get(k) == v for k, v in facts.items()))
        left.remove(close)
        lines = list(_property_lines(version, facts, close, {"": writer}))
        yield from lines[:MOST] or [f"{version}: its facets are written in another way; commit {writer} wrote it"]
    for facts in left[:MOST]:
        yield f"{name}, version from {facts.get('from')} to {facts.get('to')} is in the history, but not in the ledger"
