"""Reviews: what waits for another person, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cmdb.changes import ChangeSet
from cmdb.errors import Denied, Invalid
from cmdb.ingest import Ingest, Ingested
from cmdb.observation import Report
from cmdb.service import lifecycle
from cmdb.service.lifecycle import REVIEW, find_record, number_of, stepped
from cmdb.service.people import login, same_person
from cmdb.service.policy import ControlPolicy
from cmdb.store.protocol import Head, StoredRecord


class Reviews:
    """Works reviews through; `role` tells the role of a person."""

    def __init__(self, ingest: Ingest, policy: ControlPolicy, role: Callable[[str], str]) -> None:
        self.ingest, self.store, self.policy, self.role = ingest, ingest.store, policy, role

    def list(self, states: Sequence[str] = ("waiting",)) -> list[StoredRecord]:
        """Reviews in these states (none: any), the oldest first."""
        for state in states:
            if state not in lifecycle.STEPS[REVIEW]:
                raise Invalid(f"there is no state {state!r}; reviews are {', '.join(lifecycle.STEPS[REVIEW])}")
        return self.store.records(kinds=(REVIEW,), states=states)

    def preview(self, key: str) -> tuple[StoredRecord, Ingested]:
        """A review, and what would be written if it were approved now. Raises NotFound, Invalid."""
        review = find_record(self.store, REVIEW, key)
        return review, self.ingest.run([_report(review)], "", "", dry_run=True, explain=True, reviewed=True)

    def approve(self, key: str, actor: str, reason: str) -> tuple[StoredRecord, Ingested]:
        """Write what waits, planned anew on the graph as it is now. Raises NotFound, Denied, Invalid.

        It is written first and settled then: where the program ends in between, approving again only settles.
        """
        reason = lifecycle.text(reason, "the reason")
        review = self._settling(key, "approved", actor)
        report = _report(review)
        state = self.store.targets([report.origin]).get(report.origin)
        if state is not None and state.last_seen > report.at:
            raise Invalid(
                f"{number_of(review)} is out of date: {report.origin} has said something newer since; reject it, and"
                " have it written down anew"
            )
        why = f"{number_of(review)} by {review.body['author']}: {reason}"
        done = self.ingest.run([report], actor, why, explain=True, reviewed=True)
        return self._step(review, "approved", actor, reason), done

    def reject(self, key: str, actor: str, reason: str) -> StoredRecord:
        """Drop what waits; its content stays in the record. Raises NotFound, Denied, Invalid."""
        reason = lifecycle.text(reason, "the reason")
        return self._step(self._settling(key, "rejected", actor), "rejected", actor, reason)

    def _settling(self, key: str, to: str, actor: str) -> StoredRecord:
        review = find_record(self.store, REVIEW, key)
        lifecycle.check_step(review, to)
        if same_person(actor, review.body["author"]):
            raise Denied(f"{login(actor)} wrote {number_of(review)}; another person must look at it")
        if self.role(actor) not in self.policy.approve:
            may = ", ".join(sorted(self.policy.approve))
            raise Denied(f"{login(actor)} is {self.role(actor)}; reviews are settled by {may} only")
        return review

    def _step(self, review: StoredRecord, to: str, actor: str, reason: str) -> StoredRecord:
        def make(head: Head) -> ChangeSet | None:
            (latest,) = self.store.records(ids=[review.id])
            now = self.ingest.clock_ms()
            return ChangeSet(now, [stepped(latest, to, actor, now, {"decision": reason})])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[review.id])[0]


def _report(review: StoredRecord) -> Report:
    content = review.texts.get("report")
    if content is None:
        raise Invalid(f"what {number_of(review)} held was disposed of; have it written down anew")
    return msgspec.json.decode(content, type=Report)
