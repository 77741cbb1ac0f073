"""Saying where a plane is grounded: what an input asks of the core, and its answer."""

from __future__ import annotations

from typing import Any

import strawberry

from cmdb.edit import Saved
from cmdb.ingest import Ingest
from cmdb.planes import save_plane
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.prefetch import fill_refs, reference
from cmdb_graphql.requirements import Plane
from cmdb_graphql.selection import Selection
from cmdb_graphql.write_types import MutationPayload

_UNSET: Any = strawberry.UNSET


@strawberry.input(description="A plane.")
class SavePlaneInput:
    name: str = strawberry.field(description="Name; a new one creates the plane.")
    roots: list[strawberry.ID] = strawberry.field(description="Ids of its roots, at most 200.")
    reason: str | None = strawberry.field(default=_UNSET, description="Why; goes into the ledger.")
    dry_run: bool = strawberry.field(default=False, description="True: answer what would happen, write nothing.")


@strawberry.type(description="Result of `savePlane`.")
class SavePlanePayload(MutationPayload):
    plane: Plane | None = strawberry.field(description="The plane. Null: errors.")
    review: strawberry.ID | None = strawberry.field(
        description="Review in which the edit waits for another person, or with `dryRun` would wait. "
        "Null: it waits for nobody."
    )


def ground(reading: Reading, ingest: Ingest, given: SavePlaneInput) -> Saved:
    """Say where a plane is grounded as the input says."""
    standing = [
        root.id
        for plane in reading.topology.planes()
        if plane.name == given.name and plane.is_stated
        for root in plane.roots
    ]
    reading.writer()  # what is read after the write is read anew
    reason = given.reason if isinstance(given.reason, str) else ""
    roots = list(map(str, given.roots))
    return save_plane(ingest, given.name, roots, standing, reading.actor, reason, dry_run=given.dry_run)


def plane_row(reading: Reading, done: Saved, given: SavePlaneInput, selection: Selection) -> Plane:
    """The plane after it, or as it would be; of one that waits for another person as it is."""
    if given.dry_run:
        roots = [reference(item) for item in reading.cis(dict.fromkeys(map(str, given.roots)))]
    else:
        known = {plane.name: plane for plane in reading.topology.planes()}
        roots = list(known[given.name].roots) if given.name in known else []
    fill_refs(reading, [root.id for root in roots], selection.below("roots"))
    row: Plane = make(Plane, name=given.name, roots=roots)
    return row
