"""Pages of what changed, newest first: of some CIs, of one commit, or of everything."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard

from cmdb.changes import Change, EndCI, EndRelationship, MoveCI, NewCI, SetCI, SetRelationship
from cmdb.errors import Invalid, LimitExceeded
from cmdb.history import Before, FactChange, concerned, fact_changes, link_key
from cmdb.model.registry import Model
from cmdb.store.protocol import Commit, GraphStore, Moment
from cmdb.store.states import CommitHead, Label

MAX_PAGE = 1_000
MAX_IDS = 10_000
SLICE = 500  # changes of which the state before is read at once
COMMITS = 60  # read at once: a page of 50 changes wants 51, and those of a first load have about a megabyte each
ROUNDS = 10  # of commits that a page looks through at most; a page may be short where a filter finds little
END_OF_TIME = 253_402_300_799_000

_CURSOR = re.compile(r"\d{1,15}\.\d{1,9}\.-?\d{1,9}", re.ASCII)

Keep = Callable[[FactChange, Mapping[str, Label]], bool]  # by the names of the CIs concerned


def _everything(fact: FactChange, labels: Mapping[str, Label]) -> bool:
    return True


class Period(NamedTuple):
    """A span of recorded time in epoch ms, end excluded."""

    since: int = 0
    until: int = END_OF_TIME


class HistoryPage(NamedTuple):
    """Fact changes, newest commit first; `labels` names the CIs in them, `cursor` continues behind the last one."""

    changes: list[FactChange]
    labels: dict[str, Label]
    more: bool
    cursor: str | None


class _Mark(NamedTuple):
    """A place in history: a commit time, a change of that commit, a fact of that change."""

    at: int
    change: int
    fact: int


class _Found(NamedTuple):
    mark: _Mark
    fact: FactChange
    labels: Mapping[str, Label]


def ci_history(
    store: GraphStore,
    model: Model,
    ids: Sequence[str],
    first: int,
    after: str | None = None,
    period: Period = Period(),  # noqa: B008 - it is immutable
    keep: Keep = _everything,
) -> HistoryPage:
    """A page of the history of some CIs: their relationships, requirements and absorbed predecessors included.

    Raises Invalid for a cursor that is none, LimitExceeded for too long a page or too many CIs.
    """
    about = store.lineage(ids)
    if len(about) > MAX_IDS:
        raise LimitExceeded(f"the history of {len(about)} CIs was asked for; at most {MAX_IDS} at once")
    search = _Search(store, model, first, after, keep)

    def commits(before: int) -> list[Commit]:
        times = [t for t in store.change_times(about, before, COMMITS) if t >= period.since]
        return store.commits_at(times)[::-1] if times else []

    return search.page(commits, period.until, frozenset(about))


def estate_history(
    store: GraphStore,
    model: Model,
    first: int,
    after: str | None = None,
    period: Period = Period(),  # noqa: B008 - it is immutable
    keep: Keep = _everything,
    about: Collection[str] = (),
    wanted: Callable[[CommitHead], bool] = lambda head: True,
) -> HistoryPage:
    """A page of all that changed; `about` leaves only what concerns these CIs, `wanted` what these commits did."""
    search = _Search(store, model, first, after, keep)
    about = store.lineage(sorted(about)) if about else ()

    def commits(before: int) -> list[Commit]:
        end = sequence_before(store, before)
        found = store.commits(max(0, end - COMMITS), min(COMMITS, end)) if end else []
        return [c for c in reversed(found) if c.at >= period.since]

    return search.page(commits, period.until, frozenset(about), wanted)


def commit_history(
    store: GraphStore, model: Model, commit: Commit, first: int, after: str | None = None
) -> HistoryPage:
    """A page of what one commit changed."""
    search = _Search(store, model, first, after, _everything)
    found: list[list[Commit]] = [[commit]]
    return search.page(lambda before: found.pop() if found else [], END_OF_TIME, frozenset())


def sequence_before(store: GraphStore, before: int) -> int:
    """The sequence of the latest commit before a time (ms); 0 where there is none."""
    head = store.head()
    if before > head.at:
        return head.sequence
    return store.moment(at=before - 1).sequence


def planned_changes(
    store: GraphStore, model: Model, changes: Sequence[Change], commit: CommitHead, most: int
) -> tuple[list[FactChange], dict[str, Label]]:
    """The first fact changes that a planned commit would make of the graph as it is now, and the names of CIs in them.

    CIs that it would make have no name in there: nobody can ask for them yet.
    """
    facts: list[FactChange] = []
    now = store.head().at
    for part in _chunked(changes):
        ids = sorted({c.id for c in part if isinstance(c, SetCI | MoveCI | EndCI)})
        ties = {link_key(c) for c in part if isinstance(c, SetRelationship | EndRelationship)}
        labels = store.labels({ci for c in part for ci in concerned(c)})
        labels |= {c.id: Label(c.id, c.ci_class, str(c.attributes["name"]), c.parent) for c in part if _is_new(c)}
        before = Before(store.states(ids, now) if ids else {}, store.links(ties, now) if ties else {}, labels)
        facts += itertools.islice(fact_changes(commit, part, before, model), most - len(facts))
        if len(facts) >= most:
            break
    return facts, store.labels(names_in(facts))


def stood_for(store: GraphStore, ci: str, moment: Moment) -> str | None:
    """The CI that had absorbed another one at a moment; None where it was not absorbed then."""
    into: str | None = None
    for _ in range(ROUNDS):
        wanted = into or ci
        times = store.change_times([wanted], moment.at + 1, COMMITS)
        found = (
            change
            for commit in reversed(store.commits_at(times) if times else [])
            for change in commit.changes(frozenset((wanted,)))
        )
        ended = next((c for c in found if isinstance(c, NewCI | EndCI) and c.id == wanted), None)
        if not isinstance(ended, EndCI):
            break
        into = ended.into
    return into


def _is_new(change: Change) -> TypeGuard[NewCI]:
    return isinstance(change, NewCI)


def _chunked(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    return (changes[start : start + SLICE] for start in range(0, len(changes), SLICE))


class _Search:
    """One page on its way."""

    def __init__(self, store: GraphStore, model: Model, first: int, after: str | None, keep: Keep) -> None:
        if not 1 <= first <= MAX_PAGE:
            raise LimitExceeded(f"a page of {first} was asked for; a page holds 1 to {MAX_PAGE} fact changes")
        self.store, self.model, self.first, self.keep = store, model, first, keep
        self.start = _read_mark(after) if after is not None else None

    def page(
        self,
        commits: Callable[[int], list[Commit]],
        until: int,
        about: frozenset[str],
        wanted: Callable[[CommitHead], bool] = lambda head: True,
    ) -> HistoryPage:
        """Look through commits, latest first, until the page is full, nothing is left, or enough was looked through."""
        before = min(until, self.start.at + 1) if self.start else until
        found: list[_Found] = []
        for _ in range(ROUNDS):
            batch = commits(before)
            if not batch:
                return self._page(found, None)
            chosen = [c for c in batch if wanted(_head(c))]
            found += itertools.islice(self._kept(chosen, about), self.first + 1 - len(found))
            if len(found) > self.first:
                return self._page(found[: self.first], found[self.first - 1].mark)
            before = batch[-1].at
        return self._page(found, _Mark(before - 1, 0, -1))

    def _page(self, found: list[_Found], mark: _Mark | None) -> HistoryPage:
        facts = [f.fact for f in found]
        labels = self.store.labels(names_in(facts))
        return HistoryPage(facts, labels, mark is not None, ".".join(map(str, mark)) if mark else None)

    def _kept(self, commits: list[Commit], about: frozenset[str]) -> Iterator[_Found]:
        found = _facts(self.store, self.model, _changes(commits, about, self.start))
        return (f for f in found if (self.start is None or _behind(f.mark, self.start)) and self.keep(f.fact, f.labels))


def names_in(facts: Iterable[FactChange]) -> set[str]:
    """The ids of all CIs that fact changes name."""
    return {ci for f in facts for ci in (f.ci, f.other) if ci}


def _changes(
    commits: Iterable[Commit], about: frozenset[str], start: _Mark | None
) -> Iterator[tuple[Commit, int, Change]]:
    for commit in commits:
        skip = start.change if start and start.at == commit.at else 0
        for n, change in enumerate(commit.changes(about)):
            if n >= skip and (not about or not about.isdisjoint(concerned(change))):
                yield commit, n, change


def _facts(store: GraphStore, model: Model, changes: Iterator[tuple[Commit, int, Change]]) -> Iterator[_Found]:
    """Fact changes of changes, the state before read for many at once."""
    size = 50  # a page may need no more than a few
    while part := list(itertools.islice(changes, size)):
        before = _Past(store, part)
        for commit, n, change in part:
            state = before.of(commit, change)
            for k, fact in enumerate(fact_changes(_head(commit), [change], state, model)):
                yield _Found(_Mark(commit.at, n, k), fact, state.labels)
        size = SLICE


class _Past:
    """The state before each of some changes."""

    def __init__(self, store: GraphStore, part: list[tuple[Commit, int, Change]]) -> None:
        changed = [(c.at, x) for c, _, x in part if isinstance(x, SetCI | MoveCI | EndCI)]
        tied = [(c.at, x) for c, _, x in part if isinstance(x, SetRelationship | EndRelationship)]
        named = {ci for _, _, x in part for ci in concerned(x)}
        self._cis = store.superseded(sorted({x.id for _, x in changed}), _times(changed)) if changed else {}
        self._links = store.superseded_links({link_key(x) for _, x in tied}, _times(tied)) if tied else {}
        labels = store.labels(named)
        owners = {label.parent for label in labels.values()} - labels.keys() - {""}
        self._labels = labels | (store.labels(owners) if owners else {})

    def of(self, commit: Commit, change: Change) -> Before:
        """What was so before one change."""
        if isinstance(change, SetCI | MoveCI | EndCI):
            was = self._cis.get((change.id, commit.at))
            return Before({change.id: was} if was else {}, {}, self._labels)
        if isinstance(change, SetRelationship | EndRelationship):
            key = link_key(change)
            tie = self._links.get((key, commit.at))
            return Before({}, {key: tie} if tie else {}, self._labels)
        return Before(labels=self._labels)


def _times(changes: Iterable[tuple[int, object]]) -> list[int]:
    return sorted({at for at, _ in changes})


def _head(commit: Commit) -> CommitHead:
    return CommitHead(commit.sequence, commit.at, commit.actor, commit.reason)


def _behind(mark: _Mark, start: _Mark) -> bool:
    """Whether a place comes behind another one: older, or later in the same commit."""
    return (-mark.at, mark.change, mark.fact) > (-start.at, start.change, start.fact)


def _read_mark(cursor: str) -> _Mark:
    if not _CURSOR.fullmatch(cursor):
        raise Invalid(f"{cursor[:40]!r} is no cursor: use the one that the page before gave, unchanged")
    return _Mark(*map(int, cursor.split(".")))
