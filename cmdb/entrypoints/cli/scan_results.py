"""`cmdb scan run`, `cmdb scan changes`, `cmdb scan history`: results that are kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.exits import PARTIAL
from cmdb.errors import NotFound

if TYPE_CHECKING:
    from cmdb.service.scans import Difference, Entry, Kept, Result, ScanKind

CHANGE_COLUMNS = ("scan", "change", "names", "services", "criticality", "cis", "was", "why")
RUN_COLUMNS = ("scan", "at", "sequence", "found", "new", "gone", "changed", "complete")
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="single_points, pairs, last_leg or deadlocks; may be repeated.")
]
TimeLimit = Annotated[float, typer.Option(min=0.1, help="Seconds after which each scan ends with what it has found.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands about results that are kept."""
    app.command()(run)
    app.command()(changes)
    app.command()(history)


def run(
    reason: Reason,
    kind: Kinds = None,
    time_limit: TimeLimit = 900.0,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Scan the whole estate, keep the results, and tell what changed since the day before; a server does so daily."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.scans import Scans, check_kinds, scan

    kinds = check_kinds(kind or ())
    with wired(settings(data_dir, store_uri)) as parts:
        topology, now = parts.topology(), parts.ingest.clock_ms()
        found = {one: scan(topology, one, now, _until(time_limit)) for one in kinds}
        kept = Scans(parts.ingest, parts.settings.scan_keep_days).keep(found, actor(), reason)
    _show(kept, output)
    if not all(one.latest.complete for one in kept):
        say(f"not complete: the time of {time_limit:g} s ended a scan; ask for more with --time-limit")
        raise typer.Exit(PARTIAL)


def changes(
    kind: Kinds = None, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table
) -> None:
    """What is new, gone or changed between the last result that is kept and the one of the day before."""
    _show(_kept(kind, data_dir, store_uri), output)


def history(
    kind: Kinds = None, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.table
) -> None:
    """The results of past days in numbers, the latest first."""
    from cmdb.exchange.lines import iso

    rows = [
        {
            "scan": one.kind,
            "at": iso(r.at),
            "sequence": r.sequence,
            "found": r.found,
            "new": r.new,
            "gone": r.gone,
            "changed": r.changed,
            "complete": r.complete,
        }
        for one in _kept(kind, data_dir, store_uri)
        for r in reversed(one.runs)
    ]
    print_rows(rows, RUN_COLUMNS, output)


def since_last(kind: ScanKind, time_limit: float, data_dir: Any, store_uri: str | None, output: Format) -> None:
    """Print what changed since the last result that is kept; nothing is kept of this one."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.scans import difference, kept_scans, scan

    with wired(settings(data_dir, store_uri)) as parts:
        kept = kept_scans(parts.store, (kind,))
        if not kept:
            raise NotFound(f"no result of {kind} is kept yet; `cmdb scan run` keeps one")
        latest = scan(parts.topology(), kind, parts.ingest.clock_ms(), _until(time_limit))
    found = difference(kept[0].latest, latest)
    _print(kind, latest, found, output)
    if not latest.complete:
        raise typer.Exit(PARTIAL)


def _until(seconds: float) -> Any:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _kept(kinds: list[str] | None, data_dir: Any, store_uri: str | None) -> list[Kept]:
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.scans import kept_scans

    with wired(settings(data_dir, store_uri)) as parts:
        found = kept_scans(parts.store, kinds or ())
    if not found:
        raise NotFound("no result is kept yet; `cmdb scan run` keeps one, and a server does so daily (`scan_at`)")
    return found


def _show(kept: list[Kept], output: Format) -> None:
    if output in (Format.json, Format.yaml):
        print_value([_as_json(one) for one in kept], output)
        return
    print_rows([row for one in kept for row in _rows(one.kind, one.difference)], CHANGE_COLUMNS, output)
    for one in kept:
        _tell(one.kind, one.latest, one.difference)


def _print(kind: ScanKind, latest: Result, found: Difference, output: Format) -> None:
    import msgspec

    if output in (Format.json, Format.yaml):
        print_value(_named(msgspec.to_builtins(found)), output)
    else:
        print_rows(list(_rows(kind, found)), CHANGE_COLUMNS, output)
    _tell(kind, latest, found)


def _as_json(kept: Kept) -> dict[str, Any]:
    import msgspec

    plain = {"kind": kept.kind.upper(), "latest": msgspec.to_builtins(kept.latest)}
    plain |= {"difference": msgspec.to_builtins(kept.difference), "runs": msgspec.to_builtins(kept.runs)}
    built: dict[str, Any] = _named(plain)
    return built


def _named(plain: Any) -> Any:
    from cmdb.entrypoints.cli.impact import with_api_names
    from cmdb.exchange.lines import iso

    def times(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: iso(v) if k in ("at", "since") and isinstance(v, int) else times(v) for k, v in value.items()}
        return [times(v) for v in value] if isinstance(value, list) else value

    return with_api_names(times(plain))


def _rows(kind: ScanKind, found: Difference | None) -> Iterator[dict[str, Any]]:
    if found is None:
        return
    for entry in found.new:
        yield _row(kind, "new", entry)
    for entry in found.gone:
        yield _row(kind, "gone", entry)
    for pair in found.changed:
        was = pair.before.wear or f"{pair.before.services} services, {pair.before.down} CIs"
        yield _row(kind, "changed", pair.after) | {"was": was}


def _row(kind: ScanKind, change: str, entry: Entry) -> dict[str, Any]:
    names = [ci.name for ci in entry.cis]
    row: dict[str, Any] = {"scan": kind, "change": change, "names": names, "ids": [ci.id for ci in entry.cis]}
    row |= {"services": entry.services, "criticality": entry.criticality or None, "cis": entry.down}
    return row | {"was": None, "why": ": ".join(filter(None, [entry.wear, entry.text])) or None}


def _tell(kind: ScanKind, latest: Result, found: Difference | None) -> None:
    from cmdb.exchange.lines import iso

    if found is None:
        say(f"{kind}: {latest.found} found; there is no result of another day to compare with")
        return
    counts = f"{len(found.new)} new, {len(found.gone)} gone, {len(found.changed)} changed"
    say(f"{kind}: {latest.found} found; {counts} since {iso(found.since)}")
    if not found.whole:
        say(f"{kind}: one of the two results is not all there is; what may only have been left out is not listed")
