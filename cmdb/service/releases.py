"""Releases as records: which CIs get a new version, what was tested, and in which waves."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cmdb.baselines import Wanted, find_baseline, list_baselines, take_baseline
from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.impact.waves import MOST_CIS
from cmdb.impact.work import Window
from cmdb.ingest import Ingest
from cmdb.model.near import near
from cmdb.service import lifecycle
from cmdb.service.guards import DEPLOYING, as_body, refuse_unless, release_guards
from cmdb.service.lifecycle import RELEASE, edited, find_record, next_number, number_of, rewrite, stepped
from cmdb.service.versions import Fact, check_facts
from cmdb.store.protocol import GraphStore, Head, StoredRecord

STATES_TO_EDIT = ("draft", "accepted", "approved")  # what it is about is settled once it is being deployed


@dataclass(frozen=True)
class ReleaseRequest:
    """What a person writes of a release; what is empty or None stays as it is when an existing one is edited.

    `cis` are ids, at least one. `contents` are the versions that it brings, `tested` those with which it was tested.
    `baseline` is the name or the id of the one that was taken for it.
    """

    title: str = ""
    cis: tuple[str, ...] = ()
    version_name: str = ""
    window: Window | None = None
    description: str = ""
    contents: tuple[Fact, ...] = ()
    tested: tuple[Fact, ...] = ()
    baseline: str = ""


class Releases:
    """Writes releases as records; every step is a commit with actor and reason."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store = ingest, ingest.store

    def create(self, asked: ReleaseRequest, actor: str, reason: str) -> StoredRecord:
        """Keep a draft. Raises NotFound, Invalid, LimitExceeded."""
        reason = lifecycle.text(reason, "the reason")
        title = lifecycle.text(asked.title, "the title", lifecycle.MAX_NAME)
        if not asked.cis:
            raise Invalid("a release is about at least one CI; name it")
        body, texts = self._body(asked)
        cis = self._there(asked.cis)
        id_ = self.ingest.new_id()

        def make(head: Head) -> ChangeSet:
            now = self.ingest.clock_ms()
            number = {"number": next_number(self.store.records(kinds=(RELEASE,)), RELEASE), "requester": actor}
            steps = [{"to": "draft", "by": actor, "at": now}]
            return ChangeSet(
                now, [PutRecord(id_, RELEASE, "draft", title, cis, number | body | {"steps": steps}, texts)]
            )

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[id_])[0]

    def edit(self, key: str, asked: ReleaseRequest, actor: str, reason: str) -> StoredRecord:
        """Change a release that is not being deployed yet. Raises NotFound, Invalid, LimitExceeded."""
        body, texts = self._body(asked)
        title = lifecycle.text(asked.title, "the title", lifecycle.MAX_NAME) if asked.title else ""
        cis = self._there(asked.cis) if asked.cis else ()

        def change(record: StoredRecord, now: int) -> PutRecord | None:
            if record.state not in STATES_TO_EDIT:
                raise Invalid(f"{number_of(record)} is {record.state}; what it is about is settled")
            put = edited(record, actor, now, texts, **body)
            put.title, put.about = title or put.title, cis or put.about
            same = (put.title, put.about, put.texts) == (record.title, record.about, record.texts)
            return None if same and put.body == record.body else put

        return self._write(key, actor, reason, change)

    def step(self, key: str, to: str, actor: str, reason: str, baseline: str = "", take: bool = False) -> StoredRecord:
        """Take a release to another state. Raises NotFound, Invalid; Refused where a guard does not hold.

        To deploy it a baseline is needed that covers what it touches and was taken after it was approved: the one that
        it has, or `baseline` (a name or id), or with `take` a new one.
        """
        reason = lifecycle.text(reason, "the reason")
        body: dict[str, Any] = {}
        if baseline and take:
            raise Invalid("name a baseline, or let one be taken, not both")
        if baseline:
            body["baseline"] = find_baseline(self.store, baseline).id
        elif take and to == DEPLOYING:
            body["baseline"] = self._taken(find_record(self.store, RELEASE, key), actor, reason)

        def change(record: StoredRecord, now: int) -> PutRecord:
            lifecycle.check_step(record, to)
            guards = release_guards(self.store, record, to, body.get("baseline", ""))
            refuse_unless(record, to, guards)
            if guards:
                body["guards"] = as_body(guards)
            return stepped(record, to, actor, now, None, **body)

        return self._write(key, actor, reason, change)

    def _taken(self, release: StoredRecord, actor: str, reason: str) -> str:
        """The id of a new baseline for a release, taken now."""
        lifecycle.check_step(release, DEPLOYING)
        name, known = f"before {number_of(release)}", {b.name for b in list_baselines(self.store, dropped=True)}
        more = next(n for n in itertools.count(1) if (f"{name} ({n})" if n > 1 else name) not in known)
        wanted = Wanted(f"{name} ({more})" if more > 1 else name, reason, record=release.id)
        taken = take_baseline(self.ingest, wanted, actor)
        if taken.baseline is None:
            raise Invalid("; ".join(refusal.message for refusal in taken.refusals))
        return taken.baseline.id

    def _body(self, asked: ReleaseRequest) -> tuple[dict[str, Any], dict[str, str]]:
        body: dict[str, Any] = {}
        if asked.version_name:
            body["version_name"] = lifecycle.text(asked.version_name, "the version", lifecycle.MAX_NAME)
        if asked.window is not None:
            asked.window.check()
            body["window"] = {"from": asked.window.start, "to": asked.window.end}
        if asked.baseline:
            body["baseline"] = find_baseline(self.store, asked.baseline).id
        for name, facts in (("contents", asked.contents), ("tested", asked.tested)):
            check_facts(facts, self.ingest.model, name)
            if facts:
                body[name] = [fact._asdict() for fact in dict.fromkeys(facts)]
        if len({fact.what for fact in asked.contents}) < len(set(asked.contents)):
            raise Invalid("a release brings one version of each thing; name each once")
        texts = {"description": lifecycle.text(asked.description, "the description")} if asked.description else {}
        return body, texts

    def _there(self, ids: Sequence[str]) -> tuple[str, ...]:
        wanted = list(dict.fromkeys(ids))
        if len(wanted) > MOST_CIS:
            raise LimitExceeded(f"{len(wanted):,} CIs; a release has at most {MOST_CIS:,}: split it")
        known = {ci.id: ci for ci in self.store.cis(wanted)}
        for ci in wanted:
            if ci not in known:
                raise NotFound(f"there is no CI with the id {ci[: lifecycle.MAX_NAME]!r}")
            if known[ci].status == "retired":
                raise Invalid(f"{known[ci].name} ({ci}) is retired; leave it out")
        return tuple(wanted)

    def _write(
        self, key: str, actor: str, reason: str, change: Callable[[StoredRecord, int], PutRecord | None]
    ) -> StoredRecord:
        reason = lifecycle.text(reason, "the reason")
        return rewrite(self.ingest, find_record(self.store, RELEASE, key), actor, reason, change)

    def list(self, states: Sequence[str] = ()) -> list[StoredRecord]:
        """Releases in these states (none: any), the oldest first. Raises Invalid."""
        known = tuple(lifecycle.STEPS[RELEASE])
        for state in states:
            if state not in known:
                raise Invalid(f"there is no state {state!r}; {near(state, known)}")
        return self.store.records(kinds=(RELEASE,), states=states)


def targets_of(store: GraphStore, release: StoredRecord) -> list[str]:
    """The CIs of a release (ids); what another CI has absorbed is that one now."""
    stands_for = store.absorbed(release.about)
    return list(dict.fromkeys(stands_for.get(ci, ci) for ci in release.about))


def contents_of(release: StoredRecord) -> list[Fact]:
    """The versions that a release brings."""
    return [Fact(fact["what"], fact["version"]) for fact in release.body.get("contents", ())]


def tested_of(release: StoredRecord) -> list[Fact]:
    """The versions with which a release was tested."""
    return [Fact(fact["what"], fact["version"]) for fact in release.body.get("tested", ())]
