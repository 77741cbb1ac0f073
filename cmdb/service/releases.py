"""Releases as records: which CIs get a new version, and in which waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid, LimitExceeded, NotFound
from cmdb.impact.waves import MOST_CIS
from cmdb.impact.work import Window
from cmdb.ingest import Ingest
from cmdb.model.near import near
from cmdb.service import lifecycle
from cmdb.service.lifecycle import RELEASE, find_record, next_number, stepped
from cmdb.store.protocol import GraphStore, Head, StoredRecord


@dataclass(frozen=True)
class ReleaseRequest:
    """What a person writes of a release. `cis` are ids, at least one."""

    title: str
    cis: tuple[str, ...]
    version_name: str = ""
    window: Window | None = None
    description: str = ""


class Releases:
    """Writes releases as records; every step is a commit with actor and reason."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store = ingest, ingest.store

    def create(self, asked: ReleaseRequest, actor: str, reason: str) -> StoredRecord:
        """Keep a draft. Raises NotFound, Invalid, LimitExceeded."""
        reason = lifecycle.text(reason, "the reason")
        title = lifecycle.text(asked.title, "the title", lifecycle.MAX_NAME)
        body: dict[str, Any] = {"requester": actor}
        if asked.version_name:
            body["version_name"] = lifecycle.text(asked.version_name, "the version", lifecycle.MAX_NAME)
        if asked.window is not None:
            asked.window.check()
            body["window"] = {"from": asked.window.start, "to": asked.window.end}
        texts = {"description": lifecycle.text(asked.description, "the description")} if asked.description else {}
        cis = self._there(asked.cis)
        id_ = self.ingest.new_id()

        def make(head: Head) -> ChangeSet:
            now = self.ingest.clock_ms()
            number = {"number": next_number(self.store.records(kinds=(RELEASE,)), RELEASE)}
            steps = [{"to": "draft", "by": actor, "at": now}]
            return ChangeSet(
                now, [PutRecord(id_, RELEASE, "draft", title, cis, number | body | {"steps": steps}, texts)]
            )

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[id_])[0]

    def _there(self, ids: Sequence[str]) -> tuple[str, ...]:
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            raise Invalid("a release is about at least one CI; name it")
        if len(wanted) > MOST_CIS:
            raise LimitExceeded(f"{len(wanted):,} CIs; a release has at most {MOST_CIS:,}: split it")
        known = {ci.id: ci for ci in self.store.cis(wanted)}
        for ci in wanted:
            if ci not in known:
                raise NotFound(f"there is no CI with the id {ci[: lifecycle.MAX_NAME]!r}")
            if known[ci].status == "retired":
                raise Invalid(f"{known[ci].name} ({ci}) is retired; leave it out")
        return tuple(wanted)

    def step(self, key: str, to: str, actor: str, reason: str) -> StoredRecord:
        """Take a release to another state. Raises NotFound, Invalid."""
        reason = lifecycle.text(reason, "the reason")
        record = find_record(self.store, RELEASE, key)

        def make(head: Head) -> ChangeSet:
            (latest,) = self.store.records(ids=[record.id])
            now = self.ingest.clock_ms()
            return ChangeSet(now, [stepped(latest, to, actor, now)])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[record.id])[0]

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
