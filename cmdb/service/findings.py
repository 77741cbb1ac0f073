"""Findings: what is not as recorded, who settles it until when, and what shows that it is settled."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Denied, Invalid
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.service import lifecycle
from cmdb.service.completeness import DAY_MS
from cmdb.service.lifecycle import FINDING, edited, find_record, number_of, stepped
from cmdb.service.people import login, same_person
from cmdb.service.verdicts import Difference, Judgement
from cmdb.store.protocol import Head, StoredRecord

GRADES = ("minor", "major")
MAX_VALUE = 500  # characters of a value that a finding repeats


def finding_of(
    id_: str, number: str, audit: StoredRecord, judged: Judgement, model: Model, actor: str, now: int
) -> PutRecord:
    """The finding that a deviation of an audit makes. Values of private attributes stay out of the chain, as texts."""
    private = model.private_attributes(judged.ci_class)
    open_, hidden = [], {}
    for difference in judged.differences:
        if difference.what in private:
            hidden[difference.what] = json.dumps([_short(difference.expected), _short(difference.found)])
            open_.append({"what": difference.what})
        else:
            open_.append(_as_body(difference))
    what = ", ".join(d.what for d in judged.differences[:5])
    title = f"{judged.name}: {what} not as recorded" if judged.verdict == "different" else judged.name
    body: dict[str, Any] = {
        "number": number,
        "audit": audit.id,
        "audit_number": number_of(audit),
        "type": judged.verdict,
        "grade": judged.grade,
        "owner": audit.body["owner"],
        "due": now + audit.body["due_days"] * DAY_MS,
        "differences": open_,
        "steps": [{"to": "open", "by": actor, "at": now}],
    }
    return PutRecord(id_, FINDING, "open", title[: lifecycle.MAX_NAME], (judged.ci,), body, hidden)


def _as_body(difference: Difference) -> dict[str, Any]:
    return {
        "what": difference.what,
        "expected": _short(difference.expected),
        "found": _short(difference.found),
        "controlled": difference.controlled,
    }


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_VALUE:
        return value[:MAX_VALUE] + "…"
    return list(value) if isinstance(value, list | tuple) else value


def differences_of(finding: PutRecord) -> list[tuple[str, Any, Any]]:
    """What is not as recorded: (what, expected, found), private values put back where they are still kept."""
    out = []
    for said in finding.body["differences"]:
        if "expected" in said:
            out.append((said["what"], said["expected"], said["found"]))
        else:
            kept = json.loads(finding.texts.get(said["what"], '["(disposed of)", "(disposed of)"]'))
            out.append((said["what"], kept[0], kept[1]))
    return out


class Findings:
    """Works findings through; every step is a commit with actor and reason."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store = ingest, ingest.store

    def list(self, states: Sequence[str] = (), owner: str = "", audit: str = "") -> list[StoredRecord]:
        """Findings in these states (none: any) of an owner and an audit (its id), the oldest first."""
        for state in states:
            if state not in lifecycle.STEPS[FINDING]:
                raise Invalid(f"there is no state {state!r}; findings are {', '.join(lifecycle.STEPS[FINDING])}")
        found = self.store.records(kinds=(FINDING,), states=states)
        return [
            f
            for f in found
            if (not owner or same_person(owner, f.body["owner"])) and (not audit or f.body["audit"] == audit)
        ]

    def assign(
        self, key: str, actor: str, reason: str, owner: str = "", due: int | None = None, grade: str = ""
    ) -> StoredRecord:
        """Change who settles a finding, until when (epoch ms), and how grave it is. Raises NotFound, Invalid."""
        if grade and grade not in GRADES:
            raise Invalid(f"there is no grade {grade!r}; a finding is {' or '.join(GRADES)}")
        who = lifecycle.text(owner, "the owner", lifecycle.MAX_NAME) if owner else ""
        given = {"owner": who, "due": due, "grade": grade}
        wanted: dict[str, Any] = {name: value for name, value in given.items() if value}
        if not wanted:
            raise Invalid("nothing to change: give an owner, a date or a grade")

        def change(finding: StoredRecord, now: int) -> PutRecord | None:
            if finding.state == "closed":
                raise Invalid(f"{number_of(finding)} is closed; that is where it ends")
            if all(finding.body[name] == value for name, value in wanted.items()):
                return None
            return edited(finding, actor, now, **wanted)

        return self._write(key, actor, reason, change)

    def cause(self, key: str, actor: str, reason: str, cause: str) -> StoredRecord:
        """Say what the cause was. Raises NotFound, Invalid."""
        said = lifecycle.text(cause, "the cause")
        return self._write(
            key, actor, reason, lambda finding, now: stepped(finding, "cause_known", actor, now, {"cause": said})
        )

    def close(self, key: str, actor: str, reason: str, evidence: str) -> StoredRecord:
        """Close a finding by evidence; another person than the responsible one does it. Raises Denied, Invalid."""
        shown = lifecycle.text(evidence, "the evidence that it is settled")

        def change(finding: StoredRecord, now: int) -> PutRecord:
            lifecycle.check_step(finding, "closed")
            if same_person(actor, finding.body["owner"]):
                who = f"{login(actor)} is responsible for {number_of(finding)}"
                raise Denied(f"{who}; another person must see that it is settled")
            return stepped(finding, "closed", actor, now, {"evidence": shown}, closed_by=actor, closed=now)

        return self._write(key, actor, reason, change)

    def _write(
        self, key: str, actor: str, reason: str, change: Callable[[StoredRecord, int], PutRecord | None]
    ) -> StoredRecord:
        reason = lifecycle.text(reason, "the reason")
        finding = find_record(self.store, FINDING, key)

        def make(head: Head) -> ChangeSet | None:
            (latest,) = self.store.records(ids=[finding.id])
            now = self.ingest.clock_ms()
            put = change(latest, now)
            return ChangeSet(now, [put]) if put is not None else None

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[finding.id])[0]
