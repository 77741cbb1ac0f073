"""What became of pushed items, as the sender reads it."""

from __future__ import annotations

from typing import Any

from cmdb.changes import EndRelationship, NewCI, NewRelationship, SetCI, SetRelationship
from cmdb.ingest import Ingested
from collectors.push.entities import Note
from collectors.push.item import Item

MAX_DIFF = 200  # changes that a dry run lists
Result = dict[str, Any]


def outcome(item: Item, done: Ingested) -> Result:
    """The result of an item that went in: that of its own observation, the last one of its path in its report."""
    assert item.report is not None  # noqa: S101 - chosen so
    outcomes = {o.path: o for o in done.outcomes.get(item.report.origin, [])}
    found = outcomes.get(item.path)
    if found is None:
        return result(item, "conflict", Note("NOT_TAKEN", "nothing was taken; see the warnings", ""))
    parts = [o for o in outcomes.values() if o.path != item.path and o.path.startswith(f"{item.path}|")]
    status = found.status
    if status == "unchanged" and any(o.status in ("created", "updated") for o in parts):
        status = "updated"
    out = result(item, status, None)
    if found.ci:
        out["ciId"] = found.ci
    elif found.held is not None:
        out["reason"] = as_dict(Note(found.held.code, found.held.text, ""))
        out |= {"reviewId": found.held.record} if found.held.record else {}
    else:
        out["reason"] = as_dict(Note("IDENTITY", "it fits several CIs, or contradicts one; see `identityTasks`", "id"))
    if found.matched_by:
        out["matchedBy"] = found.matched_by
    out["changes"] = found.changes + sum(o.changes for o in parts)
    return out


def repeated(item: Item, first: Result) -> Result:
    """The result of an item that says what another one said right before."""
    out = {**result(item, first["status"], None), **{k: v for k, v in first.items() if k in ("ciId", "reason")}}
    if first["status"] in ("created", "updated", "unchanged"):
        out |= {"status": "unchanged", "changes": 0}
    return out


def set_aside(item: Item) -> Result:
    """The result of an item that did not go in."""
    if item.ignored is not None:
        return result(item, "ignored", item.ignored)
    if item.held is not None:
        return result(item, "quarantined", item.held)
    return result(item, "rejected", item.rejected or Note("EMPTY", "nothing to take", ""))


def result(item: Item, status: str, reason: Note | None) -> Result:
    """One result with what there is to remark."""
    out: Result = {"index": item.index, "sourceRef": item.path or item.ref or None, "status": status}
    if reason is not None:
        out["reason"] = as_dict(reason)
    if item.warnings:
        out["warnings"] = [as_dict(w) for w in item.warnings]
    return out


def as_dict(note: Note) -> dict[str, str]:
    """A note as JSON."""
    return {"code": note.code, "message": note.message, "path": note.path}


def diff(done: Ingested, most: int) -> list[Result]:
    """What a dry run would write, in short."""
    out: list[Result] = []
    for change in done.change_set.changes[: max(0, most)]:
        if isinstance(change, NewCI):
            out.append({"kind": "CI_CREATED", "class": change.ci_class, "attributes": change.attributes})
        elif isinstance(change, SetCI):
            out.append({"kind": "CI_CHANGED", "ci": change.id, "set": change.set, "unset": list(change.unset)})
        elif isinstance(change, NewRelationship | SetRelationship | EndRelationship):
            kind = {NewRelationship: "CREATED", SetRelationship: "CHANGED", EndRelationship: "ENDED"}[type(change)]
            out.append(
                {"kind": f"RELATIONSHIP_{kind}", "type": change.type, "from": change.source, "to": change.target}
            )
    return out
