"""Stating and dropping requirements: what an input asks of the core, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmdb.edit import Saved
from cmdb.errors import Refused
from cmdb.ingest import Ingest
from cmdb.requirements import (
    MOST_PROVIDERS,
    ProviderAsked,
    RequirementAsked,
    drop_requirement,
    same_name,
    save_requirement,
)
from cmdb.topology.suppose import suppose_dropped, suppose_stated
from cmdb_graphql.context import Reading
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.requirement_inputs import DeleteRequirementInput, SaveRequirementInput
from cmdb_graphql.requirement_rows import requirement_row, requirement_rows
from cmdb_graphql.requirements import Requirement
from cmdb_graphql.selection import Selection

MOST_SHOWN = 20


def state(reading: Reading, ingest: Ingest, given: SaveRequirementInput) -> Saved:
    """State a requirement as the input says, in the place of the one of its id."""
    asked, known = _asked(given), given.id if isinstance(given.id, str) else ""
    planes = {plane.name for plane in reading.topology.planes()}
    reading.writer()  # what is read after the write is read anew
    if not known and (taken := _taken(ingest, asked)):
        raise Refused("TAKEN", "id", f"{taken} is a requirement of the same providers; give its id to replace it")
    return save_requirement(
        ingest,
        asked,
        reading.actor,
        _text(given.reason),
        planes,
        known=known,
        dry_run=given.dry_run,
        expected_revision=_whole(given.expected_version),
    )


def drop(reading: Reading, ingest: Ingest, given: DeleteRequirementInput) -> Saved:
    """Take back a requirement as the input says."""
    return drop_requirement(
        ingest,
        str(given.id),
        reading.actor,
        _text(given.reason),
        dry_run=given.dry_run,
        expected_revision=_whole(given.expected_version),
    )


def _taken(ingest: Ingest, asked: RequirementAsked) -> str:
    """The id of the requirement that is stated now of the same providers and says otherwise; "" where there is none."""
    record = same_name(ingest.store, asked)
    if record is None or record.status == "missing":
        return ""
    said = {"needed": asked.needed, "on_loss": asked.on_loss, "pass": asked.passes}
    return record.id if any(record.attributes.get(n) != v for n, v in said.items()) else ""


def stated_row(reading: Reading, done: Saved, given: SaveRequirementInput, selection: Selection) -> Requirement | None:
    """The requirement after it, or the one that there would be."""
    if not given.dry_run and done.held is None:
        for row in requirement_rows(reading, [str(given.owner)], "evidence" in selection)[str(given.owner)]:
            if row.id == done.ci:
                return _filled(reading, [row], selection)[0]
        return None
    asked = _asked(given)
    rules = asked.on_loss, asked.passes
    supposed = suppose_stated(reading.topology, done.ci, asked.owner, asked.needed, asked.literals, rules)
    return _filled(reading, [requirement_row(supposed, [])], selection)[0] if supposed is not None else None


def rows_left(reading: Reading, done: Saved, dry_run: bool, selection: Selection) -> list[Requirement]:
    """What holds for the owner after its requirement was dropped, or what would."""
    (record,) = reading.store.cis([done.ci]) or (None,)
    if record is None:
        return []
    if dry_run or done.held is not None:
        rows = [requirement_row(r, []) for r in suppose_dropped(reading.topology, record.parent, done.ci)]
    else:
        rows = requirement_rows(reading, [record.parent], "evidence" in selection)[record.parent]
    return _filled(reading, rows[:MOST_SHOWN], selection)


def _filled(reading: Reading, rows: Sequence[Requirement], selection: Selection) -> list[Requirement]:
    fill_refs(reading, [r.owner.id for r in rows], selection.below("owner"))
    providers = [p.ci.id for r in rows for p in r.__dict__["ranked_providers"]]
    fill_refs(reading, providers, selection.below("providers", "ci"))
    return list(rows)


def _asked(given: SaveRequirementInput) -> RequirementAsked:
    if len(given.providers) > MOST_PROVIDERS:
        text = f"a requirement has at most {MOST_PROVIDERS:,} providers, not {len(given.providers):,}"
        raise Refused("TOO_MANY", "providers", text)
    providers = tuple(ProviderAsked(str(p.ci), p.weight, _text(p.connected)) for p in given.providers)
    words = str(given.on_loss).lower(), str(given.pass_).lower()
    return RequirementAsked(str(given.owner), "", given.needed, providers, *words)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
