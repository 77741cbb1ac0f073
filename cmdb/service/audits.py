"""Audits at planned intervals: plan, draw, hold the ledger against what was discovered since, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmdb.changes import Change, ChangeSet, PutRecord
from cmdb.errors import Denied, Invalid
from cmdb.ingest import Ingest
from cmdb.service import lifecycle
from cmdb.service.completeness import DAY_MS
from cmdb.service.findings import finding_of
from cmdb.service.lifecycle import (
    AUDIT,
    FINDING,
    PLAN,
    UNSEEN_ACCEPTED,
    edited,
    find_record,
    next_number,
    number_of,
    stepped,
)
from cmdb.service.past import Population, draw, population
from cmdb.service.people import login, same_person
from cmdb.service.probe import MOST_LISTED, Probed, probe
from cmdb.service.scope import Scope, scope_of
from cmdb.store.protocol import Head, StoredRecord
from cmdb.topology import Topology
from cmdb.wording import amount

MAX_SAMPLE = 10_000
MAX_DAYS = 3_660
SHOWN_EDITS = 5


@dataclass(frozen=True)
class PlanRequest:
    """What a person plans. `size` 0: all CIs of the scope. Without a `seed` each audit draws by the ledger's head."""

    name: str
    scope: Scope
    auditor: str
    owner: str
    period_days: int
    size: int = 0
    seed: str = ""
    due_days: int = 30


class Audits:
    """Writes plans and audits as records; every step is a commit with actor and reason."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store, self.model = ingest, ingest.store, ingest.model

    # ---- plans

    def plan(self, asked: PlanRequest, actor: str, reason: str, replace: bool = False) -> StoredRecord:
        """Keep a plan, or with `replace` change the one of this name. Raises Invalid."""
        reason = lifecycle.text(reason, "the reason")
        name, body = self._plan_body(asked)
        id_ = self.ingest.new_id()

        def make(head: Head) -> ChangeSet | None:
            now = self.ingest.clock_ms()
            plans = self.store.records(kinds=(PLAN,))
            known = next((p for p in plans if p.title.lower() == name.lower()), None)
            if known is not None:
                if not replace:
                    raise Invalid(f"there is a plan {name!r} already, {number_of(known)}; --replace changes it")
                if all(known.body.get(k) == v for k, v in body.items()):
                    return None
                return ChangeSet(now, [edited(known, actor, now, **body)])
            number = {"number": next_number(plans, PLAN), "steps": [{"to": "active", "by": actor, "at": now}]}
            return ChangeSet(now, [PutRecord(id_, PLAN, "active", name, (), {**body, **number})])

        self.ingest.decide(make, actor, reason)
        return find_record(self.store, PLAN, name)

    def _plan_body(self, asked: PlanRequest) -> tuple[str, dict[str, Any]]:
        name = lifecycle.text(asked.name, "the name of the plan", lifecycle.MAX_NAME)
        people = {
            what: lifecycle.text(person, f"the {what}", lifecycle.MAX_NAME)
            for what, person in (("auditor", asked.auditor), ("owner", asked.owner))
        }
        if same_person(people["auditor"], people["owner"]):
            raise Invalid(f"the auditor must be another person than the owner, not {login(asked.owner)} for both")
        for what, days in (("period", asked.period_days), ("term of findings", asked.due_days)):
            if not 1 <= days <= MAX_DAYS:
                raise Invalid(f"the {what} is 1 to {MAX_DAYS:,} days, not {days:,}")
        if not 0 <= asked.size <= MAX_SAMPLE:
            raise Invalid(f"a sample has 1 to {MAX_SAMPLE:,} CIs, or 0 for all of the scope, not {asked.size:,}")
        scope = asked.scope.check(self.model).as_body()
        seed = lifecycle.text(asked.seed, "the seed", lifecycle.MAX_NAME) if asked.seed else ""
        sizes = {"size": asked.size, "seed": seed, "period_days": asked.period_days, "due_days": asked.due_days}
        return name, {"scope": scope, **people, **sizes}

    def retire(self, key: str, actor: str, reason: str) -> StoredRecord:
        """Let a plan be due no more. Raises NotFound, Invalid."""
        plan = find_record(self.store, PLAN, key)
        return self._step(plan, "retired", actor, reason)

    # ---- audits

    def start(self, key: str, actor: str, reason: str, expected: int | None = None) -> StoredRecord:
        """Begin an audit of a plan: draw the sample from the ledger at a sequence (None: the head).

        It is planned in one commit and running in the next, once it is clear that the auditor is independent; where
        the program ends in between, starting it again goes on. Raises NotFound, Invalid, Denied.
        """
        reason = lifecycle.text(reason, "the reason")
        plan = find_record(self.store, PLAN, key)
        if plan.state != "active":
            raise Invalid(f"{number_of(plan)} is {plan.state}; take another plan")
        audit = self._planned(plan, actor, reason)
        head = self.store.head()
        sequence = head.sequence if expected is None else expected
        if not 1 <= sequence <= head.sequence:
            raise Invalid(f"there is no sequence {sequence} in the ledger; it goes from 1 to {head.sequence}")
        now = self.ingest.clock_ms()
        found = population(
            self.store, self.model, scope_of(plan.body["scope"]), sequence, now - plan.body["period_days"] * DAY_MS
        )
        guard = independence(plan, found)
        if not guard["holds"]:
            raise Denied(f"{number_of(audit)} stays planned: {guard['text']}")
        if not found.ids:
            raise Invalid(f"{number_of(audit)} stays planned: the scope of {number_of(plan)} held no CI at {sequence}")
        copied = {name: plan.body[name] for name in ("scope", "auditor", "owner", "size", "due_days")}
        body = {**copied, **_drawn(plan, found, head), "started": now, "guards": [guard]}
        return self._step(audit, "running", actor, reason, **body)

    def _planned(self, plan: StoredRecord, actor: str, reason: str) -> StoredRecord:
        """The planned audit of a plan, made if there is none; one that is running must be ended first."""
        id_ = self.ingest.new_id()
        chosen: list[str] = []

        def make(head: Head) -> ChangeSet | None:
            audits = self.store.records(kinds=(AUDIT,))
            unfinished = [a for a in audits if a.body["plan"] == plan.id and a.state in ("planned", "running")]
            if running := next((a for a in unfinished if a.state == "running"), None):
                raise Invalid(f"{number_of(running)} of this plan is running; finish or cancel it first")
            chosen[:] = [unfinished[0].id if unfinished else id_]
            if unfinished:
                return None
            now = self.ingest.clock_ms()
            steps = [{"to": "planned", "by": actor, "at": now}]
            body = {"number": next_number(audits, AUDIT), "plan": plan.id, "plan_number": number_of(plan)}
            return ChangeSet(now, [PutRecord(id_, AUDIT, "planned", plan.title, (), {**body, "steps": steps})])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=chosen)[0]

    def probe(self, audit: StoredRecord, topology: Topology) -> Probed:
        """What a running audit has found by now; nothing is written. Raises Invalid, Conflict."""
        if audit.state != "running":
            raise Invalid(f"{number_of(audit)} is {audit.state}; only a running audit is held against discovery")
        return probe(self.store, self.model, topology, audit, self.ingest.clock_ms())

    def finish(self, key: str, actor: str, reason: str, topology: Topology) -> StoredRecord:
        """Report a running audit: results and findings in one commit. Raises NotFound, Invalid, Denied, Conflict."""
        reason = lifecycle.text(reason, "the reason")
        audit = find_record(self.store, AUDIT, key)
        lifecycle.check_step(audit, "reported")
        if same_person(actor, audit.body["owner"]):
            raise Denied(f"{login(actor)} owns what {number_of(audit)} looks at; somebody else must report it")
        done = self.probe(audit, topology)
        ids = [self.ingest.new_id() for _ in done.deviations[:MOST_LISTED]]

        def make(head: Head) -> ChangeSet | None:
            (latest,) = self.store.records(ids=[audit.id])
            known = self.store.records(kinds=(FINDING,))
            now = self.ingest.clock_ms()
            findings: list[Change] = [
                finding_of(id_, next_number(known, FINDING, n), latest, judged, self.model, actor, now)
                for n, (id_, judged) in enumerate(zip(ids, done.deviations, strict=False))
            ]
            reported = stepped(latest, "reported", actor, now, **done.body, findings=ids, reported=now)
            return ChangeSet(now, [reported, *findings])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[audit.id])[0]

    def close(self, key: str, actor: str, reason: str, unseen_accepted: str = "") -> StoredRecord:
        """Close a reported audit, all of whose findings are closed. Raises NotFound, Invalid, Denied.

        Of what no visit saw nothing was judged: such an audit closes only where `unseen_accepted` says why that will
        do, which is kept, and the owner can't say it.
        """
        audit = find_record(self.store, AUDIT, key)
        lifecycle.check_step(audit, "closed")
        waiting = [f for f in self.findings(audit) if f.state != "closed"]
        if waiting:
            named = ", ".join(map(number_of, waiting[:10]))
            raise Invalid(f"{number_of(audit)} has {amount(len(waiting), 'finding')} not closed: {named}")
        accepted = _acceptance(audit, actor, unseen_accepted)
        return self._step(audit, "closed", actor, reason, accepted)

    def cancel(self, key: str, actor: str, reason: str) -> StoredRecord:
        """Give up an audit that is not reported. Raises NotFound, Invalid."""
        return self._step(find_record(self.store, AUDIT, key), "cancelled", actor, reason)

    def findings(self, audit: StoredRecord) -> list[StoredRecord]:
        """The findings of an audit, in their order."""
        ids: Sequence[str] = audit.body.get("findings", ())
        return self.store.records(ids=ids) if ids else []

    def _step(
        self,
        record: StoredRecord,
        to: str,
        actor: str,
        reason: str,
        texts: Mapping[str, str] | None = None,
        **body: Any,
    ) -> StoredRecord:
        reason = lifecycle.text(reason, "the reason")

        def make(head: Head) -> ChangeSet | None:
            (latest,) = self.store.records(ids=[record.id])
            now = self.ingest.clock_ms()
            return ChangeSet(now, [stepped(latest, to, actor, now, texts, **body)])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[record.id])[0]


def _acceptance(audit: StoredRecord, actor: str, why: str) -> dict[str, str]:
    """Why an audit may close although not all was judged, as text of its record; none where all was."""
    unseen, number = audit.body["results"]["unseen"], number_of(audit)
    if not unseen:
        if why.strip():
            raise Invalid(f"nothing of {number} was unseen; close it without accepting that")
        return {}
    if not why.strip():
        named = ", ".join(str(u["name"]) for u in audit.body["unseen"][:SHOWN_EDITS])
        raise Invalid(
            f"{number} judged nothing of {amount(unseen, 'CI')} that no complete visit saw ({named}): audit them anew, "
            "or accept that with a reason (--unseen-accepted)"
        )
    if same_person(actor, audit.body["owner"]):
        raise Denied(f"{login(actor)} owns what {number} looks at; somebody else must accept what was unseen")
    return {UNSEEN_ACCEPTED: lifecycle.text(why, "the reason why the unseen is accepted")}


def independence(plan: StoredRecord, found: Population) -> dict[str, Any]:
    """Guard `independent`: the auditor owns nothing of the scope and edited none of it in the period."""
    auditor, owner = plan.body["auditor"], plan.body["owner"]
    edited = sorted(found.edits.get(login(auditor), ()))
    days = amount(plan.body["period_days"], "day")
    text = f"{auditor} is not the owner, {owner}, and edited nothing of the scope in {days}"
    if same_person(auditor, owner):
        text = f"{auditor} is also the owner of the scope; take another auditor"
    elif edited:
        named = ", ".join(edited[:SHOWN_EDITS])
        text = (
            f"{auditor} edited {amount(len(edited), 'CI')} of the scope in the last {days} ({named});"
            " take another auditor"
        )
    holds = not edited and not same_person(auditor, owner)
    return {"name": "independent", "holds": holds, "sequence": found.sequence, "text": text}


def _drawn(plan: StoredRecord, found: Population, head: Head) -> dict[str, Any]:
    """The draw: what it was made from and by, so that anybody can repeat it. A full audit lists no sample."""
    seed = plan.body["seed"] or head.hash[:16]
    size = plan.body["size"]
    sample = list(draw(found.ids, size, seed)) if size and size < len(found.ids) else None
    expected = {"sequence": found.sequence, "at": found.at, "hash": found.hash}
    return {"expected": expected, "seed": seed, "population": len(found.ids), "sample": sample}
