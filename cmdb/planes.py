"""Where a plane is grounded, as a person says: its roots become observations of the source `manual`, in one commit."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from cmdb.candidates import line_of
from cmdb.changes import ChangeSet
from cmdb.edit import Edit, Planned, Saved, edit_origin, edit_report, next_word, plan_said, written
from cmdb.errors import Refused
from cmdb.ingest import Ingest
from cmdb.observation import Report
from cmdb.store.protocol import CIRecord, Head

ROOT_OF = "root_of"
MOST_ROOTS = 200
_NAME = re.compile(r"[A-Za-z][\w-]{0,62}", re.ASCII)


def save_plane(
    ingest: Ingest,
    name: str,
    roots: Sequence[str],
    standing: Collection[str],
    actor: str,
    reason: str,
    *,
    dry_run: bool = False,
) -> Saved:
    """Say that a plane is grounded at these CIs (ids) and nowhere else, or only tell what that would change.

    `standing` are the CIs that are named as its roots now. Without roots nobody names one any more: those of the LAN
    are found by rule then, and any other plane is not judged. Raises Refused for what can't be, and what `save` raises.
    """
    if not reason.strip():
        raise Refused("REQUIRED", "reason", "an edit needs a reason: the ledger keeps why")
    if not _NAME.fullmatch(name):
        text = f"{name[:80]!r} is no name of a plane: letters, digits, - and _, at most 63, a letter first"
        raise Refused("INVALID", "name", text)
    wanted = list(dict.fromkeys(roots))
    if len(wanted) > MOST_ROOTS:
        raise Refused("TOO_MANY", "roots", f"a plane has at most {MOST_ROOTS} roots, not {len(wanted):,}")
    planned = Planned()

    def make(head: Head) -> ChangeSet | None:
        edits = _edits(ingest, name, wanted, sorted(set(standing) - set(wanted)))
        planned.change_set = planned.held = None
        if not edits:
            return None
        at = next_word(ingest, [edit_origin(ci) for ci in edits])
        said: list[Report] = [
            edit_report(line_of(ingest.store, ci), edit, at, ingest.model) for ci, edit in edits.items()
        ]
        plan_said(ingest, said, head, (actor, reason), planned)
        return planned.to_write(at)

    return written(ingest, make, planned, (actor, reason), dry_run)


def _edits(ingest: Ingest, name: str, wanted: Sequence[str], leaving: Sequence[str]) -> dict[str, Edit]:
    """What is to be said of which CI."""
    known = {ci.id: ci for ci in ingest.store.cis([*wanted, *leaving])}
    edits = {}
    for n, id_ in enumerate(wanted):
        ci = known.get(id_)
        _check(ingest, ci, id_, f"roots.{n}")
        assert ci is not None  # noqa: S101 - checked above
        if name not in (now := _planes(ci)):
            edits[id_] = Edit({ROOT_OF: sorted({*now, name})})
    for ci in (known[id_] for id_ in leaving if id_ in known):
        rest = sorted(set(_planes(ci)) - {name})
        if rest:
            edits[ci.id] = Edit({ROOT_OF: rest})
            continue
        others = [origin for origin, values in _said(ci).items() if origin != edit_origin(ci.id) and name in values]
        if others:
            text = (
                f"{ci.name} is a root of {name} because {others[0]} says so; correct it there, or add it to the roots"
            )
            raise Refused("NOT_ALLOWED", "roots", text)
        edits[ci.id] = Edit(unset=(ROOT_OF,))
    return edits


def _check(ingest: Ingest, ci: CIRecord | None, id_: str, at: str) -> None:
    if ci is None:
        raise Refused("NOT_FOUND", at, f"there is no CI with the id {id_[:80]!r}")
    if ci.status == "retired":
        raise Refused("WRONG_STATE", at, f"{ci.name} ({ci.id}) is retired: nothing leads there")
    if ROOT_OF not in ingest.model.ci_class(ci.ci_class).attributes:
        text = f"{ci.name} is a {ci.ci_class}: only devices and interfaces can be roots"
        raise Refused("INVALID", at, text)


def _planes(ci: CIRecord) -> list[str]:
    value = ci.attributes.get(ROOT_OF)
    return [str(v) for v in value] if isinstance(value, list | tuple) else []


def _said(ci: CIRecord) -> dict[str, list[str]]:
    """Who says of which planes it is a root, by origin; facets that are gone say nothing."""
    found = {}
    for origin, facet in ci.facets.items():
        value = (facet.attributes or {}).get(ROOT_OF)
        if facet.gone is None and isinstance(value, list | tuple):
            found[origin] = [str(v) for v in value]
    return found
