"""Read what was: versions of CIs and relationships, and the commits that made them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cmdb.errors import LimitExceeded
from cmdb.store import cypher, rows
from cmdb.store.commit_rows import read_commits
from cmdb.store.connection import Connection
from cmdb.store.cypher import Statements
from cmdb.store.protocol import Commit
from cmdb.store.states import CommitHead, Label, LinkKey, LinkState, State

MAX_TIMES = 1_000
MAX_ABSORBED = 10_000  # CIs that one CI has absorbed, one after the other

MAX_CONTENTS = 100_000
MAX_DEPTH = 32  # of parts and places inside each other
PLACE = "LOCATED_IN"

# A version begins with the commit that `from` names; what ended for good only tells in `to`.
_TIMES = " UNWIND [v.from, v.to] AS t WITH DISTINCT t WHERE t < $before RETURN t ORDER BY t DESC LIMIT $limit"
_CI_TIMES = "UNWIND $ids AS x MATCH (v:CIVersion {id: x})" + _TIMES
_LINK_TIMES = tuple(
    f"UNWIND $ids AS x MATCH (v:RelVersion {{{end}: x}}) WHERE v.facets IS NOT NULL" + _TIMES
    for end in ("source_id", "target_id")
)
_CI_SINCE = "UNWIND $ids AS x MATCH (c:CI {id: x}) WHERE c.from < $before RETURN c.from"
_LINK_SINCE = (
    "UNWIND $ids AS x MATCH (c:CI {id: x})-[r]-() WHERE r.facets IS NOT NULL AND r.from < $before"
    " WITH DISTINCT r.from AS t RETURN t ORDER BY t DESC LIMIT $limit"
)
_SUPERSEDED = "UNWIND $ids AS x MATCH (v:CIVersion {id: x}) WHERE v.to IN $times RETURN properties(v)"
_SUPERSEDED_LINKS = (
    "UNWIND $ids AS x MATCH (v:RelVersion {source_id: x})"
    " WHERE v.to IN $times AND v.target_id IN $targets AND v.facets IS NOT NULL RETURN properties(v)"
)
_STATES = (
    "UNWIND $ids AS x MATCH (v:CI {id: x}) WHERE v.from <= $at RETURN properties(v)",
    "UNWIND $ids AS x MATCH (v:CIVersion {id: x}) WHERE v.from <= $at AND v.to > $at RETURN properties(v)",
)
_LINKS_THEN = (
    "UNWIND $ids AS x MATCH (v:RelVersion {source_id: x})"
    " WHERE v.from <= $at AND v.to > $at AND v.target_id IN $targets AND v.facets IS NOT NULL RETURN properties(v)"
)
_LABELS = "UNWIND $ids AS x MATCH (v:CI {id: x}) RETURN v.id, v.class, v.name, v.key, v.from"
_LAST_LABELS = "UNWIND $ids AS x MATCH (v:CIVersion {id: x}) RETURN v.id, v.class, v.name, v.key, v.to"
_KEYS = (
    "UNWIND $ids AS x MATCH (v:CI {id: x}) WHERE v.key IS NOT NULL AND v.from <= $at RETURN x, split(v.key, '|')[0]",
    "UNWIND $ids AS x MATCH (v:CIVersion {id: x}) WHERE v.key IS NOT NULL AND v.from <= $at AND v.to > $at"
    " RETURN x, split(v.key, '|')[0]",
)
_PLACES = (
    f"UNWIND $ids AS x MATCH (c:CI {{id: x}})-[r:{PLACE}]->(p:CI) WHERE r.from <= $at RETURN x, p.id",
    "UNWIND $ids AS x MATCH (v:RelVersion {source_id: x})"
    f" WHERE v.rel_type = '{PLACE}' AND v.from <= $at AND v.to > $at RETURN x, v.target_id",
)
_PARTS = (
    "UNWIND $ids AS x MATCH (c:CI {id: x})-[t]-(q:CI) WHERE t.facets IS NULL AND q.key STARTS WITH x + '|' RETURN q.id"
)
_LOCATED = f"UNWIND $ids AS x MATCH (c:CI {{id: x}})<-[:{PLACE}]-(q:CI) RETURN q.id"
_ABSORBED_INTO = "UNWIND $ids AS x MATCH (a:Absorbed {into: x}) RETURN a.id"
_HEADS = "UNWIND $seqs AS i MATCH (c:Commit {seq: i}) RETURN c.seq, c.at, c.actor, c.reason"


class Versions:
    """The past of a store. Every call takes a number of queries that does not grow with what is asked for."""

    def __init__(self, connection: Connection, statements: Statements) -> None:
        self._connection, self._statements = connection, statements
        model = statements.model
        inner = [c.name for c in model.classes.values() if c.internal and c.inside]
        self._inner_ties = sorted({model.parent_tie(name)[0] for name in inner})

    # ---- when

    def change_times(self, ids: Sequence[str], before: int, limit: int) -> list[int]:
        """Commit times (ms) before one, latest first, at which these CIs or their relationships changed."""
        if not 1 <= limit <= MAX_TIMES:
            raise LimitExceeded(f"{limit} commits were asked for; 1 to {MAX_TIMES} are given at once")
        found: set[int] = set()
        for statement in (_CI_TIMES, _CI_SINCE, *_LINK_TIMES, _LINK_SINCE):
            for part in rows.text_chunks(ids):
                found.update(t for (t,) in self._connection.rows(statement, ids=part, before=before, limit=limit))
        return sorted(found, reverse=True)[:limit]

    def heads(self, sequences: Sequence[int]) -> dict[int, CommitHead]:
        """Commits by sequence, without what they wrote."""
        found = self._connection.rows(_HEADS, seqs=list(sequences))
        return {row[0]: CommitHead(*row) for row in found}

    def commits_at(self, times: Sequence[int]) -> list[Commit]:
        """The commits that were made at these times (ms), in order."""
        return read_commits(self._connection, self._connection.rows(cypher.COMMITS_AT, times=sorted(set(times))))

    # ---- what

    def superseded(self, ids: Iterable[str], times: Sequence[int]) -> dict[tuple[str, int], State]:
        """What held of CIs until these commit times (ms), by CI and time."""
        found = self._each(_SUPERSEDED, ids, times=list(times))
        return {(p["id"], p["to"]): _state(p) for (p,) in found}

    def superseded_links(self, keys: Iterable[LinkKey], times: Sequence[int]) -> dict[tuple[LinkKey, int], LinkState]:
        """What held of relationships until these commit times (ms)."""
        wanted = set(keys)
        found = self._each_source(_SUPERSEDED_LINKS, wanted, times=list(times))
        return {(key, p["to"]): _link(p) for key, p in found if key in wanted}

    def states(self, ids: Iterable[str], at: int) -> dict[str, State]:
        """What held of CIs after the last commit at or before a time (ms); those that were not there are left out."""
        wanted = list(ids)
        # In this order: a commit in between moves a state from where it was not read yet to where it is still to be.
        return {p["id"]: _state(p) for statement in _STATES for (p,) in self._each(statement, wanted, at=at)}

    def links(self, keys: Iterable[LinkKey], at: int) -> dict[LinkKey, LinkState]:
        """What held of relationships after the last commit at or before a time (ms)."""
        wanted = set(keys)
        by_type: dict[str, list[LinkKey]] = {}
        for key in sorted(wanted):
            by_type.setdefault(key[1], []).append(key)
        out: dict[LinkKey, LinkState] = {}
        for type_, of_type in by_type.items():
            match = self._statements.one_relationship(type_, "x[0]", "x[1]")
            statement = f"UNWIND $rows AS x {match} AND r.from <= $at RETURN x, properties(r)"
            for part in rows.chunks([[source, target] for source, _, target in of_type]):
                for (source, target), own in self._connection.rows(statement, rows=part, at=at):
                    out[source, type_, target] = _link(own)
        for key, own in self._each_source(_LINKS_THEN, wanted, at=at):
            if key in wanted:
                out[key] = _link(own)
        return out

    # ---- who

    def labels(self, ids: Iterable[str]) -> dict[str, Label]:
        """CIs as they are called now or, where they are no more, were called last."""
        wanted = sorted(set(ids))
        found = {row[0]: _label(row) for row in self._each(_LABELS, wanted)}
        latest: dict[str, list[Any]] = {}
        for row in self._each(_LAST_LABELS, [i for i in wanted if i not in found]):
            if row[0] not in latest or row[4] > latest[row[0]][4]:
                latest[row[0]] = row
        return found | {ci: _label(row) for ci, row in latest.items()}

    def lineage(self, ids: Sequence[str]) -> list[str]:
        """These CIs, those that they have absorbed, and the requirements of all of them."""
        out = dict.fromkeys(ids)
        fresh = list(out)
        while fresh:
            steps = [a for (a,) in self._each(_ABSORBED_INTO, fresh)]
            fresh = [a for a in dict.fromkeys(steps) if a not in out]
            out.update(dict.fromkeys(fresh))
            if len(out) > MAX_ABSORBED + len(ids):
                raise LimitExceeded(f"more than {MAX_ABSORBED} CIs were absorbed one after the other")
        return [*out, *self._requirements(list(out))]

    def inside(self, ids: Iterable[str], container: str, at: int) -> set[str]:
        """Those of some CIs that were part of a CI or located in it, or are it, however many steps away."""
        wanted = set(ids)
        above: dict[str, set[str]] = {}  # CI -> what it was directly in
        fresh = wanted
        for _ in range(MAX_DEPTH):
            fresh = fresh - above.keys() - {container}
            if not fresh:
                break
            above |= {ci: set() for ci in fresh}
            for statement in (*_KEYS, *_PLACES):
                for ci, into in self._each(statement, sorted(fresh), at=at):
                    above[ci].add(into)
            fresh = set().union(*(above[ci] for ci in fresh))
        return {ci for ci in wanted if _reaches(ci, container, above)}

    def contents(self, ids: Sequence[str], located: bool) -> list[str]:
        """These CIs and their parts; with `located` also what is located in them, and the parts of that."""
        out = dict.fromkeys(ids)
        fresh = list(out)
        while fresh:
            below = [q for statement in (_PARTS, _LOCATED)[: 1 + located] for (q,) in self._each(statement, fresh)]
            fresh = [q for q in dict.fromkeys(below) if q not in out]
            out.update(dict.fromkeys(fresh))
            if len(out) > MAX_CONTENTS:
                raise LimitExceeded(f"more than {MAX_CONTENTS} CIs are part of these or located in them")
        return list(out)

    def _requirements(self, ids: list[str]) -> list[str]:
        found: dict[str, None] = {}
        for tie in self._inner_ties:
            statement = f"UNWIND $ids AS x MATCH (c:CI {{id: x}})-[:{self._statements.quote(tie)}]-(q:CI) RETURN q.id"
            found.update((q, None) for (q,) in self._each(statement, ids))
        return [q for q in found if q not in ids]

    def _each(self, statement: str, ids: Iterable[str], **parameters: Any) -> Iterator[list[Any]]:
        for part in rows.text_chunks(ids):
            yield from self._connection.rows(statement, ids=part, **parameters)

    def _each_source(
        self, statement: str, keys: Iterable[LinkKey], **parameters: Any
    ) -> Iterator[tuple[LinkKey, Mapping[str, Any]]]:
        """Versions of relationships, each source looked at once, however many of its ties are asked for."""
        by_source: dict[str, set[str]] = {}
        for source, _, target in keys:
            by_source.setdefault(source, set()).add(target)
        targets = sorted(set().union(*by_source.values()))
        for (own,) in self._each(statement, sorted(by_source), targets=targets, **parameters):
            yield (own["source_id"], own["rel_type"], own["target_id"]), own


def _reaches(ci: str, container: str, above: Mapping[str, set[str]]) -> bool:
    seen, ahead = {ci}, [ci]
    while ahead:
        one = ahead.pop()
        if one == container:
            return True
        further = above.get(one, set()) - seen
        seen |= further
        ahead += further
    return False


def _state(properties: Mapping[str, Any]) -> State:
    parent, local_key = rows.split_key(properties.get("key"))
    attributes = {**rows.own_attributes(properties), "name": properties["name"]}
    return State(
        properties["id"],
        properties["class"],
        parent,
        local_key,
        properties["status"],
        attributes,
        {key[1:]: key[0] == "+" for key in properties.get("keys") or ()},
        rows.unpack_facets(properties["facets"], attributes),
        properties["from"],
        properties["revision"],
    )


def _link(properties: Mapping[str, Any]) -> LinkState:
    facets = rows.unpack_link_facets(properties.get("facets"))
    return LinkState(rows.link_attributes(properties), facets, properties["from"])


def _label(row: Sequence[Any]) -> Label:
    return Label(row[0], row[1], row[2], rows.split_key(row[3])[0])
