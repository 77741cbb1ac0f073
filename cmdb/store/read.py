"""Read CIs, relationships and the chain, each in a number of queries that does not grow with what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from cmdb.changes import Facet, LinkFacet, Pending, PutTask
from cmdb.errors import LimitExceeded
from cmdb.observation import origin_of
from cmdb.store import cypher, rows
from cmdb.store.commit_rows import read_commits
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements
from cmdb.store.protocol import (
    CIRecord,
    CIRef,
    Commit,
    Head,
    KnownCI,
    RelationshipRecord,
    StoredRecord,
    TargetDue,
    TargetState,
)

Seen = Mapping[str, tuple[int, dict[str, int]]]  # origin -> (its last visit, CI id -> older visit that said it last)

SeenSoFar = dict[str, tuple[int, dict[str, int]]]  # the same, while it is being read

MAX_COMMITS = 10_000
MAX_CANDIDATES = 11  # one more than an error lists


class Reader:
    """The plain look-ups of a store."""

    def __init__(self, connection: Connection, statements: Statements) -> None:
        self._connection, self._statements = connection, statements
        symmetric = "|".join(map(statements.quote, sorted(statements.symmetric)))
        inward = (
            f"[(c)<-[r:{symmetric}]-(m:CI) WHERE r.facets IS NOT NULL | [type(r), m.id, properties(r)]]"
            if symmetric
            else "[]"
        )
        self._known = (
            "UNWIND $ids AS x MATCH (c:CI {id: x}) OPTIONAL MATCH (w:Pending {ci: x})"
            " WITH c, collect(w.origin) AS waiting RETURN properties(c)"
            # a tie to a parent has no facets
            + f", [(c)-[r]->(m:CI) WHERE r.facets IS NOT NULL | [type(r), m.id, properties(r)]], {inward}, waiting"
        )

    # ---- for planning

    def head(self) -> Head:
        """The end of the chain."""
        found = self._connection.rows(cypher.HEAD)
        return Head(*found[0]) if found else Head(0, "", 0)

    def targets(self, origins: Iterable[str], manifests: bool) -> dict[str, TargetState]:
        """State of the origins that are known."""
        statement = cypher.TARGETS_IN_FULL if manifests else cypher.TARGETS
        found = (row for names in rows.text_chunks(origins) for row in self._connection.bulk(statement, names=names))
        return {row[0]: _target(row) for row in found}

    def head_and_targets(self, origins: Iterable[str], manifests: bool) -> tuple[Head, dict[str, TargetState]]:
        """The end of the chain and the state of origins; see `GraphStore.head_and_targets`."""
        first, *more = [*rows.text_chunks(origins)] or [[]]
        statement = cypher.TARGETS_IN_FULL if manifests else cypher.TARGETS
        head, found = self._connection.bulks((cypher.HEAD, statement), names=first)
        found += [row for names in more for row in self._connection.bulk(statement, names=names)]
        return Head(*head[0]) if head else Head(0, "", 0), {row[0]: _target(row) for row in found}

    def targets_due(self, before: int) -> list[TargetDue]:
        """Origins that a sweep may have to look at, by name; see `GraphStore.targets_due`."""
        found = {row[0]: row for row in self._connection.rows(cypher.TARGETS_SILENT, before=before)}
        for statement in (cypher.TARGETS_LACKING, cypher.TARGETS_CARRYING):
            found |= {row[0]: row for row in self._connection.rows(statement)}
        return [_due(found[name]) for name in sorted(found)]

    def by_key(self, keys: Iterable[str]) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Identifier keys -> (CI id, strong), strong ones first."""
        found = (row for part in rows.text_chunks(keys) for row in self._connection.bulk(cypher.BY_KEY, keys=part))
        return _holders(found)

    def by_path(self, paths: Iterable[str]) -> dict[str, str]:
        """`<parent id>|<class>|<escaped local key>` -> CI id."""
        return {
            path: ci
            for part in rows.text_chunks(paths)
            for path, ci in self._connection.bulk(cypher.BY_PATH, paths=part)
        }

    def known(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs as candidates."""
        found = (row for part in rows.text_chunks(ids) for row in self._connection.bulk(self._known, ids=part))
        return {row[0]["id"]: known_ci(*row) for row in found}

    def known_facets(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs as candidates in part: without identifiers and links."""
        found = (row[0] for part in rows.text_chunks(ids) for row in self._connection.bulk(cypher.BY_ID, ids=part))
        return {own["id"]: known_ci(own, [], [], is_partial=True) for own in found}

    def bare_facets(self, ids: Iterable[str]) -> dict[str, KnownCI]:
        """CIs with nothing but class, status and facets."""
        found = (row for part in rows.text_chunks(ids) for row in self._connection.bulk(cypher.FACETS, ids=part))
        return {
            id_: KnownCI(id_, ci_class, "", "", status, {}, (), rows.unpack_facets(facets, {}), {}, is_partial=True)
            for id_, ci_class, status, facets in found
        }

    def named(
        self, keys: Iterable[str], arriving: Iterable[str]
    ) -> tuple[dict[str, tuple[tuple[str, bool], ...]], dict[str, tuple[Pending, ...]]]:
        """Holders of some keys, and what waits for others, always in the same order; see `GraphStore.named`."""
        held: list[list[Any]] = []
        pending: dict[str, list[Pending]] = {}
        empty: list[str] = []
        for part, coming in zip_longest(rows.text_chunks(keys), rows.text_chunks(arriving), fillvalue=empty):
            found, waits = self._connection.bulks((cypher.BY_KEY, cypher.PENDING), keys=part, coming=coming)
            held += found
            for row in waits:
                pending.setdefault(row[0], []).append(rows.unpack_pending(row))
        return _holders(held), {key: tuple(sorted(those, key=rows.pending_id)) for key, those in pending.items()}

    # ---- the chain

    def commits(self, after: int, limit: int) -> list[Commit]:
        """Commits behind a sequence, in order."""
        if limit > MAX_COMMITS:
            raise LimitExceeded(f"{limit} commits were asked for; at most {MAX_COMMITS} are given at once")
        return read_commits(self._connection, self._connection.rows(cypher.COMMITS, after=after, limit=limit))

    def tasks(self, states: Sequence[str], kinds: Sequence[str], about: Sequence[str]) -> list[PutTask]:
        """Identity tasks; no states, kinds or subjects means all."""
        found = self._connection.rows(cypher.TASKS, states=list(states), kinds=list(kinds), about=list(about))
        return [rows.unpack_task(row) for row in found]

    def tasks_by_id(self, ids: Iterable[str]) -> list[PutTask]:
        """Identity tasks with these ids; see `GraphStore.tasks_by_id`."""
        wanted = sorted(set(ids))
        found = self._connection.rows(cypher.TASKS_BY_ID, ids=wanted) if wanted else []
        return [rows.unpack_task(row) for row in found]

    def put_records(self, kinds: Sequence[str], states: Sequence[str], ids: Sequence[str]) -> list[StoredRecord]:
        """Records; see `GraphStore.records`."""
        if ids:
            found = self._connection.rows(cypher.RECORDS_BY_ID, ids=list(ids))
        else:
            found = self._connection.rows(cypher.RECORDS, kinds=list(kinds), states=list(states))
        return [stored_record(row) for row in found]

    def absorbed(self, ids: Iterable[str]) -> dict[str, str]:
        """Absorbed CI ids -> the CI that stands for them now, however many steps away."""
        found: dict[str, str] = {}
        asked = set(ids)
        while asked:
            step = {a: into for part in rows.text_chunks(asked) for a, into in self._absorbed_step(part)}
            found |= step
            asked = set(step.values()) - found.keys()
        return {ci: _end_of(ci, found) for ci in found}

    def _absorbed_step(self, ids: list[str]) -> list[list[str]]:
        return self._connection.rows(cypher.ABSORBED, ids=ids)

    # ---- CIs

    def resolve(self, key: str) -> list[CIRef]:
        """CIs named by an id, else by an identifier, else by a name; at most 11, those of internal classes left out.

        The id of a CI that another one has absorbed names that one.
        """
        return_ = (
            f" WHERE NOT c.class IN $internal RETURN c.id, c.class, c.name ORDER BY c.name, c.id LIMIT {MAX_CANDIDATES}"
        )
        ways = (
            "MATCH (c:CI {id: $key})" + return_,
            "MATCH (i:Identifier {key: $key})-[:IDENTIFIES]->(c:CI)" + return_,
            "MATCH (c:CI)" + return_.replace("WHERE", "WHERE c.by_name STARTS WITH $name AND"),
        )
        name = rows.lower_name(key) + rows.SEPARATOR
        parameters = {"key": key, "name": name, "internal": self._statements.internal_classes}
        for way in ways:
            if found := self._connection.rows(way, **parameters):
                return [CIRef(*row) for row in found]
        into = self.absorbed([key]).get(key)
        return [CIRef(*row) for row in self._connection.rows(ways[0], **parameters | {"key": into})] if into else []

    def cis(self, ids: Sequence[str]) -> list[CIRecord]:
        """CIs by id, in the order asked."""
        found = [row for part in rows.text_chunks(ids) for row in self._connection.rows(cypher.BY_ID, ids=part)]
        records = {record.id: record for record in self.records(row[0] for row in found)}
        return [records[ci] for ci in ids if ci in records]

    def records(
        self, found: Iterable[Mapping[str, Any]], seen: dict[str, tuple[int, dict[str, int]]] | None = None
    ) -> list[CIRecord]:
        """Records from their properties; `seen` holds what is known of origins, and is added to."""
        read = [(own, rows.unpack_facets(own["facets"], _all_attributes(own))) for own in found]
        known = {} if seen is None else seen
        self.learn((origin for _, facets in read for origin in facets), known)
        return [_record(own, facets, known) for own, facets in read]

    def learn(self, origins: Iterable[str], seen: dict[str, tuple[int, dict[str, int]]]) -> None:
        """Read when the origins of these facets were seen last, where that is not known yet."""
        unknown = {o for o in map(origin_of, origins) if o not in seen}
        for names in rows.text_chunks(sorted(unknown)):
            for name, last_seen, carried in self._connection.bulk(cypher.TARGETS_SEEN, names=names):
                seen[name] = (last_seen, rows.unpack_carried(carried))

    def relationship(self, source: str, type_: str, target: str) -> RelationshipRecord | None:
        """One relationship."""
        match = self._statements.one_relationship(type_, "$source", "$target")
        found = self._connection.rows(
            f"{match} RETURN a.id, type(r), b.id, properties(r), {self.ends()}", source=source, target=target
        )
        return next(iter(self.relationships(found)), None)

    def ends(self, source: str = "a", target: str = "b") -> str:
        """What is needed to say when relationship `r` was seen: the gone facets of its ends, and a tie's child."""
        upward = sorted(self._statements.to_parent)
        child = (
            f"CASE WHEN type(r) IN {upward} THEN [{source}.id, {source}.facets, {source}.first_seen]"
            f" ELSE [{target}.id, {target}.facets, {target}.first_seen] END"
        )
        return f"{source}.gone, {target}.gone, CASE WHEN r.facets IS NULL THEN {child} END"

    def relationships(
        self, found: Iterable[Sequence[Any]], seen: dict[str, tuple[int, dict[str, int]]] | None = None
    ) -> Iterator[RelationshipRecord]:
        """Records from `[source, type, target, properties, *ends]` rows."""
        read = [(row, rows.unpack_link_facets(row[3].get("facets")), _child_facets(row[6])) for row in found]
        known = {} if seen is None else seen
        self.learn((origin for _, own, child in read for origin in (*own, *child)), known)
        for row, own, child in read:
            yield _relationship(row, own, child, known)


def _end_of(ci: str, steps: Mapping[str, str]) -> str:
    seen = {ci}
    while (following := steps.get(ci)) is not None and following not in seen:
        ci = following
        seen.add(ci)
    return ci


def stored_record(row: Sequence[Any]) -> StoredRecord:
    """A record from the columns of `cypher.RECORD`."""
    id_, kind, state, title, about, body, texts, at, changed, revision = row
    plain = msgspec.json.decode(body), msgspec.json.decode(texts)
    return StoredRecord(id_, kind, state, title, tuple(about), *plain, at, changed, revision)


def _target(row: Sequence[Any]) -> TargetState:
    name_less = row[1], row[2], row[3], tuple(row[4])
    if len(row) <= 5:
        return TargetState(*name_less)
    manifest, visits, absent, swept, unsaid = row[5:]
    beside = tuple(visits or ()), rows.unpack_absent(absent), swept or 0, rows.unpack_carried(unsaid)
    return TargetState(*name_less, rows.unpack_manifest(manifest), *beside)


def _due(row: Sequence[Any]) -> TargetDue:
    name, last_seen, swept, visits, absent, carried, unsaid = row
    known = rows.unpack_absent(absent), rows.unpack_carried(carried), rows.unpack_carried(unsaid)
    return TargetDue(name, last_seen, swept or 0, tuple(visits or ()), *known)


def _all_attributes(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with the name, as facets hold them."""
    attributes = rows.own_attributes(properties)
    if properties.get("name"):
        attributes["name"] = properties["name"]
    return attributes


def known_ci(
    properties: Mapping[str, Any],
    outward: list[Any],
    inward: list[Any],
    waiting: Iterable[str] = (),
    is_partial: bool = False,
) -> KnownCI:
    """A candidate from its properties, `[type, other end, properties]` of relationships, and the facets of which links
    wait.
    """
    ci = properties["id"]
    attributes = _all_attributes(properties)
    parent, local_key = rows.split_key(properties.get("key"))
    links = {}
    for source, target, type_, own in [(ci, m, t, p) for t, m, p in outward] + [(m, ci, t, p) for t, m, p in inward]:
        links[source, type_, target] = rows.link_attributes(own), rows.unpack_link_facets(own.get("facets"))
    return KnownCI(
        ci,
        properties["class"],
        parent,
        local_key,
        properties["status"],
        attributes,
        () if is_partial else rows.unpack_keys(properties.get("keys")),
        rows.unpack_facets(properties["facets"], attributes),
        links,
        is_partial,
        frozenset(waiting),
    )


def _holders(found: Iterable[list[Any]]) -> dict[str, tuple[tuple[str, bool], ...]]:
    """Key -> (CI id, strong), strong ones first."""
    held: dict[str, list[tuple[str, bool]]] = {}
    for key, ci, strong in found:
        held.setdefault(key, []).append((ci, strong))
    return {key: tuple(sorted(cis, key=lambda c: (not c[1], c[0]))) for key, cis in held.items()}


def _record(properties: Mapping[str, Any], facets: dict[str, Facet], seen: Seen) -> CIRecord:
    ci = properties["id"]
    parent, local_key = rows.split_key(properties.get("key"))
    return CIRecord(
        ci,
        properties["class"],
        properties["name"],
        properties["status"],
        properties["revision"],
        properties["first_seen"],
        parent,
        local_key,
        rows.own_attributes(properties),
        rows.unpack_keys(properties.get("keys")),
        facets,
        {origin: _facet_seen(ci, origin, facet, seen) for origin, facet in facets.items()},
    )


def _facet_seen(ci: str, origin: str, facet: Facet, seen: Seen) -> int:
    """When an origin said a CI last: before it was gone, in an older visit that lasts, or in its latest visit."""
    if facet.gone is not None:
        return facet.seen or facet.gone
    if (origin := origin_of(origin)) not in seen:
        return facet.since
    last, carried = seen[origin]
    return carried.get(ci, last)


def _child_facets(child: Sequence[Any] | None) -> dict[str, tuple[str, Facet]]:
    """Origins of the dependent end of a tie, with its id."""
    if not child or child[1] is None:
        return {}
    return {origin: (child[0], facet) for origin, facet in rows.unpack_facets(child[1], {}).items()}


def _relationship(
    row: Sequence[Any], own: dict[str, LinkFacet], child: dict[str, tuple[str, Facet]], seen: Seen
) -> RelationshipRecord:
    source, type_, target, properties = row[:4]
    if child or not own:
        times = {origin: _facet_seen(ci, origin, facet, seen) for origin, (ci, facet) in child.items()}
        first_seen = row[6][2] if row[6] else properties["from"]  # a tie is as old as its dependent CI
    else:
        gone = {**rows.unpack_gone(row[5]), **rows.unpack_gone(row[4])}
        times = {o: gone.get(o) or facet.seen or _link_seen(source, target, o, facet, seen) for o, facet in own.items()}
        # A recording may be older than the commit that took it in.
        first_seen = min([properties.get("first_seen") or properties["from"], *(f.since for f in own.values())])
    return RelationshipRecord(source, type_, target, rows.link_attributes(properties), own, first_seen, times)


def _link_seen(source: str, target: str, origin: str, facet: LinkFacet, seen: Seen) -> int:
    """When an origin said a relationship last. Which end said it is not kept: an older visit of either counts."""
    if (origin := origin_of(origin)) not in seen:
        return facet.since
    last, carried = seen[origin]
    return carried.get(source) or carried.get(target) or last
