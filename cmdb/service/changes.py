"""Changes as records: what is done to which CIs, when, and how to go back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cmdb.changes import ChangeSet, PutRecord
from cmdb.errors import Invalid, LimitExceeded, NotFound, Refused
from cmdb.impact.work import MOST_SEEDS, Window
from cmdb.ingest import Ingest
from cmdb.model.near import near
from cmdb.service import lifecycle
from cmdb.service.lifecycle import CHANGE, edited, find_record, next_number, number_of, rewrite, stepped
from cmdb.store.protocol import Head, StoredRecord

TYPES = ("standard", "normal", "emergency")
EFFECTS = ("MAINTENANCE", "DEGRADED", "RELEASE", "DOWN", "NONE")
ONLY_FOR = {("draft", "approved"): "standard", ("draft", "implementing"): "emergency"}
ONWARD = ("approved", "scheduled", "implementing")  # states that lead to the window
TEXTS = ("description", "backout", "risk")


@dataclass(frozen=True)
class ChangeRequest:
    """What a person writes of a change; what is empty or None stays as it is when an existing one is edited.

    `items` are (CI id, effect), the main one first. `backout` says how to go back, `risk` what could go wrong.
    """

    title: str = ""
    items: tuple[tuple[str, str], ...] = ()
    window: Window | None = None
    type: str = ""
    description: str = ""
    backout: str = ""
    risk: str = ""


class Changes:
    """Writes changes as records; every step is a commit with actor and reason."""

    def __init__(self, ingest: Ingest) -> None:
        self.ingest, self.store = ingest, ingest.store

    def create(self, asked: ChangeRequest, actor: str, reason: str) -> StoredRecord:
        """Keep a draft. Raises NotFound, Invalid, LimitExceeded."""
        reason = lifecycle.text(reason, "the reason")
        title = lifecycle.text(asked.title, "the title", lifecycle.MAX_NAME)
        if not asked.items:
            raise Invalid("a change is about at least one CI; name it")
        body, texts = self._body(asked)
        body = {"type": "normal", "requester": actor, **body}
        about = tuple(ci for ci, _ in asked.items)
        id_ = self.ingest.new_id()

        def make(head: Head) -> ChangeSet:
            now = self.ingest.clock_ms()
            number = next_number(self.store.records(kinds=(CHANGE,)), CHANGE)
            steps = [{"to": "draft", "by": actor, "at": now}]
            put = PutRecord(id_, CHANGE, "draft", title, about, {"number": number, **body, "steps": steps}, texts)
            return ChangeSet(now, [put])

        self.ingest.decide(make, actor, reason)
        return self.store.records(ids=[id_])[0]

    def edit(self, key: str, asked: ChangeRequest, actor: str, reason: str) -> StoredRecord:
        """Change a change that is not being done yet. Raises NotFound, Invalid, LimitExceeded.

        One whose CIs or window change after it was assessed must be assessed again: it goes back to draft.
        """
        body, texts = self._body(asked)
        title = lifecycle.text(asked.title, "the title", lifecycle.MAX_NAME) if asked.title else ""

        def change(record: StoredRecord, now: int) -> PutRecord | None:
            if record.state not in ("draft", "assess", "approved", "scheduled"):
                raise Invalid(f"{number_of(record)} is {record.state}; what it does is settled")
            same = all(record.body.get(name) == value for name, value in body.items())
            if same and title in ("", record.title) and all(record.texts.get(n) == t for n, t in texts.items()):
                return None
            moved = any(name in body and record.body.get(name) != body[name] for name in ("items", "window"))
            back = "draft" if moved and record.state != "draft" else None
            put = edited(record, actor, now, texts, back, **body)
            put.title = title or put.title
            put.about = tuple(ci for ci, _ in asked.items) or put.about
            return put

        return self._write(key, actor, reason, change)

    def step(self, key: str, to: str, actor: str, reason: str) -> StoredRecord:
        """Take a change to another state. Raises NotFound, Invalid; Refused where its window is over.

        To assess it, use `Statements.assess`.
        """
        if to == "assess":
            raise Invalid("to assess a change is to judge what it does; use `cmdb change assess`")

        def change(record: StoredRecord, now: int) -> PutRecord:
            lifecycle.check_step(record, to)
            only = ONLY_FOR.get((record.state, to))
            if only and record.body["type"] != only:
                kind = record.body["type"]
                raise Invalid(f"{number_of(record)} is a {kind} change; only {only} ones go from draft to {to}")
            if to in ("scheduled", "implementing") and "window" not in record.body:
                raise Invalid(f"{number_of(record)} has no window; set it first: --from and --to, or `window`")
            _refuse_lapsed(record, to, now)
            actual = dict(record.body.get("actual", {}))
            if to == "implementing":
                actual["from"] = now
            elif to == "review":
                actual["to"] = now
            return stepped(record, to, actor, now, **({"actual": actual} if actual else {}))

        return self._write(key, actor, reason, change)

    def list(self, states: Sequence[str] = (), ci: str = "") -> list[StoredRecord]:
        """Changes in these states (none: any), the oldest first; with `ci` those about it. Raises Invalid."""
        known = tuple(lifecycle.STEPS[CHANGE])
        for state in states:
            if state not in known:
                raise Invalid(f"there is no state {state!r}; {near(state, known)}")
        return [r for r in self.store.records(kinds=(CHANGE,), states=states) if not ci or ci in r.about]

    def _body(self, asked: ChangeRequest) -> tuple[dict[str, Any], dict[str, str]]:
        body: dict[str, Any] = {}
        if asked.type:
            if asked.type not in TYPES:
                raise Invalid(f"there is no type {asked.type!r}; a change is {', '.join(TYPES)}")
            body["type"] = asked.type
        if asked.items:
            body["items"] = self._items(asked.items)
        if asked.window is not None:
            asked.window.check()
            body["window"] = {"from": asked.window.start, "to": asked.window.end}
        given = {name: getattr(asked, name) for name in TEXTS}
        return body, {name: lifecycle.text(said, f"the {name}") for name, said in given.items() if said}

    def _items(self, items: tuple[tuple[str, str], ...]) -> Sequence[dict[str, str]]:
        """The items as they are kept: CIs that are there, each once."""
        if len(items) > MOST_SEEDS:
            raise LimitExceeded(f"{len(items):,} CIs; a change has at most {MOST_SEEDS:,}: split it")
        ids = [ci for ci, _ in items]
        known = {ci.id: ci for ci in self.store.cis(list(dict.fromkeys(ids)))}
        for ci, effect in items:
            if ci not in known:
                raise NotFound(f"there is no CI with the id {ci[: lifecycle.MAX_NAME]!r}")
            if known[ci].status == "retired":
                raise Invalid(f"{known[ci].name} ({ci}) is retired; leave it out")
            if effect not in EFFECTS:
                raise Invalid(f"there is no effect {effect!r}; {near(effect, EFFECTS)}")
        twice = next((ci for ci in ids if ids.count(ci) > 1), None) if len(set(ids)) < len(ids) else None
        if twice is not None:
            raise Invalid(f"{known[twice].name} ({twice}) is named twice; say once what happens to it")
        return [{"ci": ci, "effect": effect} for ci, effect in items]

    def _write(
        self, key: str, actor: str, reason: str, change: Callable[[StoredRecord, int], PutRecord | None]
    ) -> StoredRecord:
        reason = lifecycle.text(reason, "the reason")
        return rewrite(self.ingest, find_record(self.store, CHANGE, key), actor, reason, change)


def _refuse_lapsed(record: StoredRecord, to: str, now: int) -> None:
    """Raise Refused where a change would be taken on towards a window that is over; it can still be taken back."""
    window = record.body.get("window")
    if to in ONWARD and window is not None and window["to"] <= now:
        text = f"the window of {number_of(record)} is over; give it another one, and assess it again"
        raise Refused("WRONG_STATE", "to", text)
