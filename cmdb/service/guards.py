"""Conditions of the steps of records, evaluated on the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from cmdb.baselines import read_baselines
from cmdb.errors import Refused
from cmdb.scope import in_scope_at
from cmdb.service.lifecycle import INCIDENT, RELEASE, number_of
from cmdb.store.protocol import GraphStore, StoredRecord

DEPLOYING = "deploying"
NAMED = 5  # CIs that a condition names


class Guard(msgspec.Struct, frozen=True):
    """One condition: whether it holds, and why, as of a sequence."""

    name: str
    holds: bool
    text: str
    sequence: int


def guards_of(store: GraphStore, record: StoredRecord, to: str) -> list[Guard]:
    """The conditions of a step of a record, evaluated now."""
    if record.kind == RELEASE:
        return release_guards(store, record, to)
    if record.kind == INCIDENT and to == "resolved":
        return [_intervals_closed(store, record)]
    return []


def _intervals_closed(store: GraphStore, incident: StoredRecord) -> Guard:
    standing = [entry["ci"] for entry in incident.body["affected"] if entry["to"] is None]
    if not standing:
        return Guard("intervals_closed", True, "all that it affected works again", store.head().sequence)
    names = ", ".join(ci.name for ci in store.cis(standing[:NAMED]))
    text = f"it still affects {len(standing)} CIs ({names}): say first that they work again"
    return Guard("intervals_closed", False, text, store.head().sequence)


def release_guards(store: GraphStore, release: StoredRecord, to: str, baseline: str = "") -> list[Guard]:
    """The conditions of a step of a release; `baseline` is the id of one that comes with the step."""
    if to != DEPLOYING:
        return []
    return [_baseline_taken(store, release, baseline or release.body.get("baseline", ""))]


def refuse_unless(record: StoredRecord, to: str, guards: Sequence[Guard]) -> None:
    """Raise Refused that names the conditions that do not hold."""
    missing = [guard.text for guard in guards if not guard.holds]
    if missing:
        raise Refused("WRONG_STATE", "to", f"{number_of(record)} can't go to {to} yet: {'; '.join(missing)}")


def as_body(guards: Sequence[Guard]) -> list[dict[str, Any]]:
    """Conditions as a record keeps them."""
    built: list[dict[str, Any]] = msgspec.to_builtins(list(guards))
    return built


def _baseline_taken(store: GraphStore, release: StoredRecord, id_: str) -> Guard:
    """Whether a baseline covers the CIs and their parts, and was taken after the release was approved."""
    head = store.head()
    found = read_baselines(store, [id_]) if id_ else []
    approved = max((s["at"] for s in release.body["steps"] if s["to"] == "approved"), default=release.at)
    if not found:
        text = "no baseline was taken for it, or it was dropped: name one, or let one be taken with the step"
        return Guard("baseline_taken", False, text, head.sequence)
    (baseline,) = found
    touched = set(store.contents(list(release.about), located=False)) | set(release.about)
    covered = in_scope_at(store, baseline.scope, [baseline.moment])(touched)
    if baseline.moment.at < approved:
        text = f"the baseline {baseline.name} is of before the release was approved: take another one"
    elif left_out := touched - covered:
        text = f"the baseline {baseline.name} leaves out {len(left_out)} of {len(touched)} CIs: take a wider one"
    else:
        text = f"the baseline {baseline.name} of sequence {baseline.moment.sequence} covers all {len(touched)} CIs"
        return Guard("baseline_taken", True, text, head.sequence)
    return Guard("baseline_taken", False, text, head.sequence)
