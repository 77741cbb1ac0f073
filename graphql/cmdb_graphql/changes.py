"""Reads of history: pages of fact changes, of CIs, of commits, and between moments."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from strawberry.types import Info

from cmdb.baselines import Baseline as StoredBaseline
from cmdb.baselines import Point, find_baseline, list_baselines
from cmdb.diff import Counts, add, differences, labels_of
from cmdb.errors import NotFound
from cmdb.history import FactChange as Fact
from cmdb.scope import Scope, in_scope_at
from cmdb.store.cursors import make_cursor, read_cursor
from cmdb.store.protocol import Commit as StoredCommit
from cmdb.store.protocol import Moment
from cmdb.store.states import Label
from cmdb.timeline import END_OF_TIME, HistoryPage, Period, ci_history, commit_history, estate_history
from cmdb_graphql.common import CiRef, PageInfo, make
from cmdb_graphql.context import Reading
from cmdb_graphql.enums import MODEL
from cmdb_graphql.errors import BadInput
from cmdb_graphql.history_types import (
    Baseline,
    BaselineConnection,
    Diff,
    DiffCounts,
    DiffInput,
    FactChange,
    FactChangeConnection,
    HistoryFilter,
    PointInTime,
)
from cmdb_graphql.items import CLASSES, ConfigurationItem
from cmdb_graphql.prefetch import PUBLIC_TYPES, check_first, fill_refs
from cmdb_graphql.selection import Selection, asked
from cmdb_graphql.where import where

MAX_HISTORIES = 10  # pages of history in one answer: each takes about ten queries of its own
MAX_VALUES = 200
FEW = 1_000  # CIs whose versions are looked up; of more, the commits are looked through instead
SLICE = 500
_ORDER = "differences"


def spend(reading: Reading) -> Reading:
    """Count a page of history of this answer; refuse one too many."""
    reading.histories += 1
    if reading.histories > MAX_HISTORIES:
        raise BadInput("first", f"history: at most {MAX_HISTORIES} pages of it in one answer; ask for fewer objects")
    return reading


# ---- pages


def ci_page(
    info: Info, item: ConfigurationItem, attributes: list[str] | None, first: int, after: str | None
) -> FactChangeConnection:
    """A page of the history of one CI, up to the moment at which it was read."""
    reading: Reading = spend(info.context)
    if isinstance(attributes, list):
        _check_attributes(attributes)
    names = frozenset(attributes or ())
    moment: Moment | None = item.__dict__.get("moment")
    page = ci_history(
        reading.store,
        reading.model,
        [item.id],
        check_first(first),
        after,
        Period(until=moment.at + 1) if moment else Period(),
        lambda fact, labels: not names or fact.attribute in names,
    )
    return connection(reading, page, asked(info._raw_info), after)


def commit_page(info: Info, commit: StoredCommit, first: int, after: str | None) -> FactChangeConnection:
    """A page of what one commit changed."""
    reading: Reading = spend(info.context)
    page = commit_history(reading.store, reading.model, commit, check_first(first), after)
    return connection(reading, page, asked(info._raw_info), after)


def history_page(info: Info, given: HistoryFilter | None, first: int, after: str | None) -> FactChangeConnection:
    """A page of what changed at all, or of what a filter leaves of it."""
    reading: Reading = spend(info.context)
    check_first(first)
    store, period, about = reading.store, Period(), None
    keep = _keep(given)
    actor = given.actor if given and isinstance(given.actor, str) else None
    if given:
        period = _period(given)
        about = _about(reading, given)
    if about is not None and len(about) <= FEW:
        page = (
            ci_history(store, reading.model, about, first, after, period, keep)
            if about
            else HistoryPage([], {}, False, None)
        )
    else:
        page = estate_history(
            store,
            reading.model,
            first,
            after,
            period,
            keep,
            about or (),
            lambda head: actor is None or head.actor == actor,
        )
    return connection(reading, page, asked(info._raw_info), after)


def connection(
    reading: Reading, page: HistoryPage, selection: Selection, after: str | None = None
) -> FactChangeConnection:
    """A page as it is answered."""
    rows = [fact_row(f, page.labels) for f in page.changes]
    return _connection(reading, rows, page.cursor, selection, len(rows) if after is None and not page.more else None)


def _connection(
    reading: Reading, rows: list[FactChange], cursor: str | None, selection: Selection, total: int | None
) -> FactChangeConnection:
    for end in ("ci", "other"):
        refs = [getattr(r, end).id for r in rows if getattr(r, end) is not None]
        fill_refs(reading, refs, selection.below("nodes", end))
    position = make(PageInfo, has_next_page=cursor is not None, end_cursor=cursor)
    made: FactChangeConnection = make(FactChangeConnection, nodes=rows, page_info=position, total_count=total)
    return made


def fact_row(fact: Fact, labels: Mapping[str, Label]) -> FactChange:
    """A fact change with the fields of the GraphQL type."""
    row: FactChange = make(
        FactChange,
        sequence=fact.sequence,
        at=fact.at,
        observed_at=fact.observed_at,
        actor=fact.actor,
        source=fact.source,
        kind=fact.kind,
        ci=_ref(labels.get(fact.ci)),
        setting=fact.setting or None,
        attribute=fact.attribute or None,
        before=fact.before,
        after=fact.after,
        relationship_type=fact.relationship_type if fact.relationship_type in PUBLIC_TYPES else None,
        other=_ref(labels.get(fact.other)),
    )
    return row


def _ref(label: Label | None) -> CiRef | None:
    if label is None or label.ci_class not in CLASSES:
        return None
    made: CiRef = make(CiRef, id=label.id, ci_class=label.ci_class, name=label.name)
    return made


# ---- filters


def _keep(given: HistoryFilter | None) -> Callable[[Fact, Mapping[str, Label]], bool]:
    if given is None:
        return lambda fact, labels: True
    if isinstance(given.attributes, list):
        _check_attributes(given.attributes)
    for name in ("classes", "kinds"):
        _check_values(getattr(given, name), name)
    kinds, classes = ({str(v) for v in chosen or ()} for chosen in (given.kinds, given.classes))
    attributes, actor, source = set(given.attributes or ()), given.actor or "", given.source or ""

    def keep(fact: Fact, labels: Mapping[str, Label]) -> bool:
        return (
            (not kinds or fact.kind in kinds)
            and (not attributes or fact.attribute in attributes)
            and (not actor or fact.actor == actor)
            and (not source or fact.source == source)
            and (not classes or (fact.ci in labels and labels[fact.ci].ci_class in classes))
        )

    return keep


def _about(reading: Reading, given: HistoryFilter) -> list[str] | None:
    """The ids that a filter is about; None where it is about any."""
    about: set[str] | None = None
    if isinstance(given.cis, list):
        _check_values(given.cis, "cis")
        about = set(reading.store.contents([str(i) for i in given.cis], located=False))
    if isinstance(given.within, str):
        inside = set(reading.store.contents([str(given.within)], located=True))
        about = inside if about is None else about & inside
    return None if about is None else sorted(about)


def _period(given: HistoryFilter) -> Period:
    at = given.at or None
    since, until = (at.gte, at.lt) if at else (None, None)
    period = Period(since if isinstance(since, int) else 0, until if isinstance(until, int) else END_OF_TIME)
    if period.since >= period.until:
        raise BadInput("filter.at", "filter.at: `gte` is not before `lt`, so there is no time between them")
    return period


def _check_values(values: Any, name: str) -> None:
    if isinstance(values, list) and not 1 <= len(values) <= MAX_VALUES:
        raise BadInput(f"filter.{name}", f"filter.{name}: 1 to {MAX_VALUES} values, not {len(values):,}")


def _check_attributes(names: list[str]) -> None:
    _check_values(names, "attributes")
    known = {a for c in MODEL.classes.values() for a in c.attributes}
    known |= {a for t in MODEL.relationship_types.values() for a in t.attributes}
    known |= {"name", "class", "status", "parent", "local_key"}
    for name in names:
        if name.rpartition(".")[2] not in known:
            raise BadInput("attributes", f"attributes: no class has an attribute {name!r}; see `catalogue`")


# ---- differences


def diff_row(reading: Reading, given: DiffInput) -> Diff:
    """The differences between two points; they are read when something of them is asked."""
    one = point_of(reading, given.from_, "input.from")
    other = point_of(reading, given.to, "input.to") if given.to else _now(reading)
    if one.moment.sequence > other.moment.sequence:
        raise BadInput("input.from", "input.from: later than input.to; name the earlier point first")
    scope = one.scope if not one.scope.is_everything else other.scope
    if given.filter:
        scope = Scope(where(given.filter, reading.estate.model))
    return DiffRow(reading, one.moment, other.moment, scope)  # type: ignore[return-value]  # it has the fields of Diff


def _now(reading: Reading) -> Point:
    return Point(Moment(reading.head.sequence, reading.head.at), Scope(), "now")


def point_of(reading: Reading, given: PointInTime, path: str) -> Point:
    """The moment that an input names, with the scope of the baseline that it is. Raises BadInput, Invalid."""
    if isinstance(given.as_of, int):
        return Point(reading.store.moment(at=given.as_of), Scope(), "")
    if isinstance(given.sequence, int):
        return Point(reading.store.moment(sequence=given.sequence), Scope(), "")
    try:
        found = find_baseline(reading.store, str(given.baseline))
    except NotFound as error:
        raise BadInput(f"{path}.baseline", f"{path}.baseline: {error}") from error
    return Point(found.moment, found.scope, found.name)


class DiffRow:
    """Differences with the fields of the GraphQL type. Each page is one pass over what changed in between."""

    def __init__(self, reading: Reading, earlier: Moment, later: Moment, scope: Scope) -> None:
        self._reading, self._earlier, self._later, self._scope = reading, earlier, later, scope
        self.from_sequence, self.to_sequence = earlier.sequence, later.sequence
        self._counts: Counts | None = None

    def count(self, info: Info) -> DiffCounts:
        """How many CIs differ."""
        if self._counts is None:
            for _ in self._pass():
                pass
        counts = self._counts or Counts()
        return DiffCounts(created=counts.created, changed=counts.changed, ended=counts.ended)

    def page(self, info: Info, first: int, after: str | None) -> FactChangeConnection:
        """A page by CI name: the smallest entries behind the last page, of all that pass by."""
        spend(self._reading)
        start = tuple(read_cursor(after, _ORDER, 6)) if after is not None else None
        behind = (e for e in self._pass() if start is None or e[0] > start)
        found = heapq.nsmallest(check_first(first) + 1, behind, key=lambda e: e[0])
        more, shown = len(found) > first, found[:first]
        cursor = make_cursor(shown[-1][0], _ORDER) if more else None
        rows = [fact_row(fact, labels) for _, fact, labels in shown]
        return _connection(self._reading, rows, cursor, asked(info._raw_info), None)

    def _pass(self) -> Iterator[tuple[tuple[str, ...], Fact, Mapping[str, Label]]]:
        reading, counts = self._reading, Counts()
        store, moments = reading.store, (self._earlier, self._later)
        facts = differences(store, reading.model, *moments, in_scope_at(store, self._scope, moments))
        group: list[Fact] = []
        part: list[Fact] = []
        for fact in facts:
            if group and group[0].ci != fact.ci:
                add(counts, group)
                group = []
            group.append(fact)
            part.append(fact)
            if len(part) == SLICE:
                reading.check_time()
                yield from _keyed(reading, part)
                part = []
        if group:
            add(counts, group)
        yield from _keyed(reading, part)
        self._counts = counts


def _keyed(reading: Reading, part: list[Fact]) -> Iterator[tuple[tuple[str, ...], Fact, Mapping[str, Label]]]:
    labels = labels_of(reading.store, part)
    for fact in part:
        name = labels[fact.ci].name.lower() if fact.ci in labels else ""
        changed = str(fact.before or ""), str(fact.after or "")
        what = f"{fact.kind} {fact.attribute} {fact.relationship_type}"
        yield (name, fact.ci, fact.subject, what, fact.other, "\x00".join(changed)[:500]), fact, labels


# ---- baselines


def baseline_row(found: StoredBaseline) -> Baseline:
    """A baseline with the fields of the GraphQL type."""
    row: Baseline = make(
        Baseline,
        id=found.id,
        name=found.name,
        sequence=found.moment.sequence,
        as_of=found.moment.at,
        scope=found.scope.text or None,
        created_by=found.by,
        reason=found.reason or None,
    )
    return row


def baselines_page(reading: Reading, first: int, after: str | None) -> BaselineConnection:
    """A page of baselines, newest first; the cursor is the id of the last one."""
    found = list_baselines(reading.store)
    begin = 0
    if after is not None:
        ids = [b.id for b in found]
        if after not in ids:
            raise BadInput("after", "after: not an `endCursor` of this list, or that baseline was dropped; start again")
        begin = ids.index(after) + 1
    shown = found[begin : begin + check_first(first)]
    more = begin + first < len(found)
    page: BaselineConnection = make(
        BaselineConnection,
        nodes=[baseline_row(b) for b in shown],
        page_info=make(PageInfo, has_next_page=more, end_cursor=shown[-1].id if more else None),
        total_count=len(found),
    )
    return page
