"""Deciding which texts go: what a retention rule lets go of, what is still current, and what a hold keeps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from cmdb.changes import Change, ChangeSet, Disposal, EndCI, MoveCI, NewCI, PutRecord, SetCI, digest
from cmdb.errors import UsageError
from cmdb.ledger.chain import read_chain
from cmdb.ledger.holds import Hold, holds
from cmdb.model.registry import Model
from cmdb.sealing import places
from cmdb.store.protocol import Commit, Conflict, GraphStore
from cmdb.wording import amount

KIND, DONE = "disposal", "done"
FLAGS = ("free_text", "personal")
REASON = "reason"  # of a commit, as if it were an attribute
TEXTS_PER_COMMIT = 5_000
MAX_ATTEMPTS = 5
DAY_MS = 86_400_000

Place = tuple[str, str]  # owner (id of a CI or a record), name of the attribute or text


class Retention(msgspec.Struct, frozen=True):
    """What may go: texts that were superseded before a time (epoch ms), which `before` gives for each flag of an
    attribute, and for `reason`. `ci_class` and `attribute` narrow it.
    """

    before: Mapping[str, int]
    ci_class: str = ""
    attribute: str = ""

    def cutoff(self, model: Model, ci_class: str, name: str) -> int:
        """Before when a text must have been superseded to go; 0 where it stays. Of two flags the stricter one counts;
        texts of records, which have no class, are free text.
        """
        if self.attribute and self.attribute != name:
            return 0
        if self.ci_class and (not ci_class or self.ci_class not in model.ancestry(ci_class)):
            return 0
        found = model.classes[ci_class].attributes.get(name) if ci_class in model.classes else None
        flags = found.flags if found else {"free_text"}
        return max((self.before.get(flag, 0) for flag in flags), default=0)

    def reasons_before(self) -> int:
        """Before when a commit must have been made for its reason to go; 0 where reasons stay."""
        return self.before.get(REASON, 0) if not self.ci_class and self.attribute in ("", REASON) else 0


def check_retention(retention: Retention, model: Model, now: int) -> None:
    """Raise UsageError or Invalid for a rule that can't be meant."""
    if retention.ci_class:
        model.ci_class(retention.ci_class)
    known = {name for c in model.classes for name in model.private_attributes(c)}
    if retention.attribute and retention.attribute not in known | {REASON}:
        listed = ", ".join(sorted(known | {REASON}))
        raise UsageError(f"{retention.attribute!r} is no attribute with texts to dispose of: those are {listed}")
    if not any(retention.before.values()):
        raise UsageError("nothing says how long texts are kept: give --before, or set retention_…_days")
    if any(at > now for at in retention.before.values()):
        raise UsageError("a time to dispose before must not be in the future")


class Going(msgspec.Struct):
    """What goes of one commit: texts by owner and name, and its reason."""

    texts: dict[Place, set[str]] = {}
    spans: dict[str, list[int]] = {}  # CI -> since when the versions are that hold these texts
    reason: bool = False


class Plan(msgspec.Struct):
    """What a disposal will do. `held` counts by hold what stays though a rule would let it go, `unsealed` reasons of
    commits whose form does not allow it.
    """

    commits: dict[int, Going] = {}
    by_attribute: Counter[str] = msgspec.field(default_factory=Counter)
    held: Counter[str] = msgspec.field(default_factory=Counter)
    unsealed: int = 0

    @property
    def texts(self) -> int:
        """How many texts go, reasons included."""
        return self.by_attribute.total()


def plan_disposal(store: GraphStore, model: Model, retention: Retention, in_force: Iterable[Hold]) -> Plan:
    """Read the ledger twice, for what is current and for what is not; memory grows with what goes and with CIs that
    have texts.
    """
    current = _Current()
    for commit in read_chain(store):
        current.take(commit)
    return _Search(model, retention, current, list(in_force)).run(read_chain(store))


def owner_of(change: Change) -> tuple[str, str]:
    """Whose texts a change holds, and of which class that is; a record has none."""
    if isinstance(change, NewCI | SetCI):
        return change.id, change.ci_class
    return (change.id, "") if isinstance(change, PutRecord) else ("", "")


def _texts_in(change: Change, commit: Commit) -> Iterator[tuple[str, str, bytes]]:
    """Name, mark and digest of the value of each text of a change that is still there."""
    for mark, name in places(change):
        if name and (text := commit.texts.get(mark)) is not None:
            yield name, mark, digest(text.value)


class _Current:
    """What holds at the head: texts of CIs that are not retired, parents, and who absorbed whom."""

    def __init__(self) -> None:
        self.values: dict[str, set[tuple[str, bytes]]] = {}
        self.above: dict[str, str] = {}
        self.absorbed: dict[str, str] = {}

    def take(self, commit: Commit) -> None:
        """Take one commit in."""
        for change in commit.sealed():
            owner, _ = owner_of(change)
            if isinstance(change, NewCI | MoveCI) and change.parent:
                self.above[change.id] = change.parent
            if isinstance(change, EndCI):
                self.absorbed[change.id] = change.into
                self.values.pop(change.id, None)
            if not owner:
                continue
            self.values.pop(owner, None)
            retired = isinstance(change, NewCI | SetCI) and change.status == "retired"
            if not retired and (held := {(n, d) for n, _, d in _texts_in(change, commit)}):
                self.values[owner] = held

    def is_within(self, owner: str, cis: frozenset[str]) -> bool:
        """Whether a CI is one of these, part of one, or absorbed by one."""
        seen: set[str] = set()
        stack = [owner]
        while stack:
            ci = stack.pop()
            if ci in cis:
                return True
            seen.add(ci)
            stack += [n for n in (self.above.get(ci), self.absorbed.get(ci)) if n and n not in seen]
        return False


class _Waiting(msgspec.Struct, frozen=True):
    """A text that a change of an owner wrote, until its value no longer holds. `spans` says since when the versions
    are that hold it; it is shared by the texts of one change.
    """

    spans: list[int]
    sequence: int
    ci_class: str
    name: str
    mark: str
    value: bytes  # digest


class _Search:
    def __init__(self, model: Model, retention: Retention, current: _Current, in_force: list[Hold]) -> None:
        self.model, self.retention, self.current = model, retention, current
        self.holds = [(h.name, frozenset(h.cis)) for h in in_force]
        self.waiting: dict[str, list[_Waiting]] = {}
        self.going: dict[int, Going] = defaultdict(Going)
        self.plan = Plan()

    def run(self, commits: Iterable[Commit]) -> Plan:
        for commit in commits:
            self._take(commit)
        self.plan.commits = dict(sorted(self.going.items()))
        return self.plan

    def _take(self, commit: Commit) -> None:
        changes = commit.sealed()
        written = {owner for change in changes if (owner := owner_of(change)[0])}
        for change in changes:
            owner, ci_class = owner_of(change)
            if isinstance(change, EndCI):
                self._superseded(change.id, commit.at, set())
            if isinstance(change, MoveCI) and change.id in self.waiting and change.id not in written:
                latest = max(self.waiting[change.id], key=lambda e: e.sequence)
                latest.spans.append(commit.at)  # a version more with the same texts
            if owner:
                self._written(change, owner, ci_class, commit)
        self._reason(commit, written)

    def _written(self, change: Change, owner: str, ci_class: str, commit: Commit) -> None:
        texts = list(dict.fromkeys(_texts_in(change, commit)))
        retired = isinstance(change, NewCI | SetCI) and change.status == "retired"
        self._superseded(owner, commit.at, {(name, value) for name, _, value in texts})
        kept = self.current.values.get(owner, set())
        spans = [commit.at]
        fresh = [_Waiting(spans, commit.sequence, ci_class, n, m, v) for n, m, v in texts if (n, v) not in kept]
        if fresh:
            self.waiting.setdefault(owner, []).extend(fresh)
        if retired:
            self._superseded(owner, commit.at, set())  # what holds of a retired CI is over as well

    def _superseded(self, owner: str, at: int, still: set[tuple[str, bytes]]) -> None:
        """Texts of an owner are over, but for those whose values hold on."""
        entries = self.waiting.pop(owner, [])
        if on := [e for e in entries if (e.name, e.value) in still]:
            self.waiting[owner] = on
        for entry in entries:
            if (entry.name, entry.value) in still or not at < self._cutoff(entry):
                continue
            if (hold := self._hold(owner)) is not None:
                self.plan.held[hold] += 1
                continue
            going = self.going[entry.sequence]
            going.texts.setdefault((owner, entry.name), set()).add(entry.mark)
            going.spans[owner] = entry.spans
            self.plan.by_attribute[entry.name] += 1

    def _cutoff(self, entry: _Waiting) -> int:
        return self.retention.cutoff(self.model, entry.ci_class, entry.name)

    def _reason(self, commit: Commit, owners: set[str]) -> None:
        if not commit.reason or not commit.at < self.retention.reasons_before():
            return
        if commit.form == 1:
            self.plan.unsealed += 1
            return
        hold = next((h for h in map(self._hold, owners) if h), self._hold(""))
        if hold is not None:
            self.plan.held[hold] += 1
            return
        self.going[commit.sequence].reason = True
        self.plan.by_attribute[REASON] += 1

    def _hold(self, owner: str) -> str | None:
        """The hold that keeps an owner's texts; a record about CIs is held with everything only."""
        for name, cis in self.holds:
            if not cis or (owner and self.current.is_within(owner, cis)):
                return name
        return None


def dispose(
    store: GraphStore, model: Model, retention: Retention, reason: str, actor: str, at: int, new_id: Callable[[], str]
) -> Plan:
    """Let go of what a retention rule says, and return what went; each commit removes some texts and says in the chain
    which ones. What it is planned on is read again where somebody commits meanwhile.
    """
    gone: Counter[str] = Counter()
    for _ in range(MAX_ATTEMPTS):
        expected = store.head().sequence
        plan = plan_disposal(store, model, retention, holds(store))
        try:
            for change_set, names in disposals(plan, retention, f"disposal:{new_id()}", reason, at):
                expected = store.commit(change_set, expected, actor, reason)
                gone += names
        except Conflict:
            continue
        return msgspec.structs.replace(plan, by_attribute=gone)
    raise Conflict(
        f"gave up after {MAX_ATTEMPTS} attempts: other writers committed each time; {amount(gone.total(), 'text')} went"
    )


def disposals(
    plan: Plan, retention: Retention, id_: str, reason: str, at: int
) -> Iterator[tuple[ChangeSet, Counter[str]]]:
    """The commits that do what was planned, each with how many texts of each name go."""
    part: list[Disposal] = []
    names: Counter[str] = Counter()
    number = 0
    for sequence, going in plan.commits.items():
        marks = frozenset(mark for found in going.texts.values() for mark in found)
        part.append(Disposal(sequence, marks, going.reason, going.spans))
        names.update(name for (_, name), found in going.texts.items() for _ in found)
        names[REASON] += going.reason
        if names.total() >= TEXTS_PER_COMMIT:
            number += 1
            yield _change_set(part, plan, retention, f"{id_}-{number}", reason, at), names
            part, names = [], Counter()
    if part:
        yield _change_set(part, plan, retention, f"{id_}-{number + 1}", reason, at), names


def _change_set(part: list[Disposal], plan: Plan, retention: Retention, id_: str, reason: str, at: int) -> ChangeSet:
    marks = sorted({mark for disposal in part for mark in disposal.marks})
    body = {
        "marks": marks,
        "reasons": [d.sequence for d in part if d.reason],
        "before": dict(sorted(retention.before.items())),
        "class": retention.ci_class,
        "attribute": retention.attribute,
        "held": dict(sorted(plan.held.items())),
    }
    record = PutRecord(id_, KIND, DONE, f"{amount(len(marks), 'text')} disposed of", (), body, {"reason": reason})
    return ChangeSet(at, [record], disposals=part)
