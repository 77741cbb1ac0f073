"""`cmdb release show`, `compatibility`, `outcome`: what a release meets, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.cli.times import as_answer
from cmdb.entrypoints.exits import FOUND

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.service.rollout import Outcome
    from cmdb.store.protocol import CIRef

Key = Annotated[str, typer.Argument(help="Number, id or title of a release.")]
PRESENT_COLUMNS = ("what", "version", "tested", "cis", "names")
OUTCOME_COLUMNS = ("verdict", "class", "name", "what", "expected", "found")
NAMES = 5  # CIs that a cell of a table names


def add_to(app: typer.Typer) -> None:
    """Add the commands about one release."""
    app.command()(show)
    app.command()(compatibility)
    app.command()(outcome)


def show(key: Key, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.yaml) -> None:
    """Show one release as it is recorded."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import RELEASE, find_record

    with wired(settings(data_dir, store_uri)) as parts:
        found = find_record(parts.store, RELEASE, key)
        named = {ci.id: ci.name for ci in parts.store.cis(found.about)}
    value = {"id": found.id, "state": found.state, "title": found.title, "revision": found.revision}
    value |= {**found.body, **found.texts, "cis": named}
    print_value(value, Format.yaml if output is Format.table else output)


def compatibility(
    key: Key, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table
) -> None:
    """Hold the versions on its CIs against those it was tested with; exit code 10 if some were not tested."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.compatibility import compatibility as judge
    from cmdb.service.lifecycle import RELEASE, find_record

    with wired(settings(data_dir, store_uri)) as parts:
        found = judge(parts.store, parts.topology(), find_record(parts.store, RELEASE, key))
    if output in (Format.json, Format.yaml):
        print_value(as_answer(found), output)
    else:
        rows = [
            {"what": p.what, "version": p.version or "?", "tested": p.tested, "cis": p.count, "names": _few(p.cis)}
            for p in found.versions
        ]
        print_rows(rows, PRESENT_COLUMNS, output)
    say(
        f"{found.targets} CIs: {found.untested} with a version that was not tested, "
        f"{found.unknown} of which it is not known, {found.gone} gone"
    )
    if found.untested:
        raise typer.Exit(FOUND)


def outcome(key: Key, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table) -> None:
    """What its CIs run since it was deployed, what else changed, incidents on them; exit code 10 if not all is done."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import RELEASE, find_record
    from cmdb.service.rollout import outcome as judge

    with wired(settings(data_dir, store_uri)) as parts:
        found = judge(parts.store, parts.model, parts.topology(), find_record(parts.store, RELEASE, key))
        value = _as_json(parts, found)
    if output in (Format.json, Format.yaml):
        print_value(value, output)
    else:
        rows = [
            {
                "verdict": row.verdict,
                "class": row.ci.ci_class,
                "name": row.ci.name,
                "what": row.what,
                "expected": row.expected,
                "found": list(row.found) or None,
            }
            for row in found.rows
        ]
        print_rows(rows, OUTCOME_COLUMNS, output)
    done = sum(row.verdict == "done" for row in found.rows)
    say(f"{done} of {len(found.rows)} done since {value['since']}; baseline {found.baseline.name}")
    for fact in value["extra"][:NAMES]:
        say(f"besides: {fact['name']}: {fact['attribute'] or fact['kind']}: {fact['before']} → {fact['after']}")
    if found.extra_count > NAMES:
        say(f"besides: {found.extra_count} differences in all; -o json lists the first {len(found.extra)}")
    for incident in value["incidents"]:
        say(f"incident: {incident['number']} {incident['state']}: {incident['title']}")
    if done < len(found.rows):
        raise typer.Exit(FOUND)


def _as_json(parts: Wired, found: Outcome) -> dict[str, Any]:
    from cmdb.entrypoints.cli.changes import rows
    from cmdb.exchange.lines import iso
    from cmdb.service.lifecycle import number_of

    baseline = {"id": found.baseline.id, "name": found.baseline.name, "sequence": found.baseline.moment.sequence}
    incidents = [{"id": r.id, "number": number_of(r), "state": r.state, "title": r.title} for r in found.incidents]
    return {
        "sequence": found.sequence,
        "since": iso(found.since),
        "baseline": baseline,
        "rows": [as_answer(row) for row in found.rows],
        "extra": list(rows(parts.store, iter(found.extra))),
        "extraCount": found.extra_count,
        "incidents": incidents,
    }


def _few(refs: Sequence[CIRef]) -> list[str]:
    names = [ref.name for ref in refs[:NAMES]]
    return [*names, f"{len(refs) - NAMES} more"] if len(refs) > NAMES else names
