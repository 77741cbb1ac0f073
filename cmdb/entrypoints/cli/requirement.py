"""`cmdb requirement …`"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.moments import AsOfTime, AtSequence, asked_moment
from cmdb.entrypoints.cli.options import DataDir, DryRun, Fields, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.exits import PARTIAL
from cmdb.errors import NotFound, UsageError
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.edit import Saved
    from cmdb.entrypoints.wiring import Wired
    from cmdb.requirements import ProviderAsked
    from cmdb.topology import Requirement

app = typer.Typer(help="What must hold for a CI to work, and where networks are grounded.", no_args_is_help=True)
COLUMNS = ("id", "owner", "name", "needed", "total", "providers", "on_loss", "pass", "origin", "holds", "said_by")
FINDINGS = ("kind", "class", "name", "text", "ci")
PLANES = ("plane", "root", "class", "by", "why", "ci")
MOST_FINDINGS = 1_000
PROVIDER = re.compile(r"(?P<key>.+?)(?:=(?P<weight>-?\d{1,9}))?(?:@(?P<plane>[A-Za-z][\w-]*))?")

Key = Annotated[str, typer.Argument(help="The CI that needs: id, identifier or unique name.")]


class Origin(StrEnum):
    """Where a requirement comes from."""

    default = "default"
    discovered = "discovered"
    manual = "manual"


class OnLoss(StrEnum):
    """What a lost provider does to an owner whose requirement still holds."""

    none = "none"
    at_risk = "at_risk"
    degraded = "degraded"


class Pass(StrEnum):
    """How ill health of providers passes on."""

    never = "never"
    needed = "needed"
    any = "any"


@app.callback()
def group() -> None:
    """What must hold for a CI to work, and where networks are grounded."""


@app.command("list")
def list_(
    key: Annotated[
        str | None, typer.Argument(help="Only of this CI: id, identifier or unique name.", show_default=False)
    ] = None,
    origin: Annotated[Origin | None, typer.Option(help="Only of this origin.", show_default=False)] = None,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
    fields: Fields = None,
) -> None:
    """List requirements: those that were stated or seen, and those that follow from relationships."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import wired

    wanted: Any = origin.value.upper() if origin else None
    with wired(settings(data_dir, store_uri)) as parts:
        moment = asked_moment(parts.store, as_of, sequence)
        owner = find_one(parts.store, key, moment).id if key else None
        topology = parts.topology_at(moment)
        found = topology.requirements(wanted) if owner is None else topology.requirements_of(owner)
        print_rows((_row(r) for r in found if wanted in (None, r.origin)), COLUMNS, output, fields)


@app.command()
def show(
    requirement: Annotated[str, typer.Argument(help="Id of a requirement, from `cmdb requirement list`.")],
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.yaml,
) -> None:
    """Show one requirement with its providers and who says it."""
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        found = parts.topology_at(asked_moment(parts.store, as_of, sequence)).requirement(requirement)
    if found is None:
        raise NotFound(f"there is no requirement {requirement[:80]!r}; `cmdb requirement list` shows their ids")
    providers = [
        {"id": p.ci.id, "class": p.ci.ci_class, "name": p.ci.name, "weight": p.weight, "connected": p.connected}
        for p in found.providers
    ]
    owner = {"id": found.owner.id, "class": found.owner.ci_class, "name": found.owner.name}
    value = {**_row(found), "owner": owner, "providers": providers}
    print_value(value, Format.yaml if output is Format.table else output)


@app.command()
def findings(
    first: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = MOST_FINDINGS,
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List what is wrong with requirements: waived ones, providers that are gone, planes without roots."""
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        topology = parts.topology_at(asked_moment(parts.store, as_of, sequence))
    found = topology.find_findings(first + 1)
    told = ((f.kind, f.ci.ci_class, f.ci.name, f.text, f.ci.id) for f in found[:first])
    print_rows((dict(zip(FINDINGS, row, strict=True)) for row in told), FINDINGS, output)
    if len(found) > first:
        say(f"there are more than {first:,}; ask with --first for up to 100,000")


@app.command()
def planes(
    as_of: AsOfTime = None,
    sequence: AtSequence = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List the planes that things must have a path in, their roots, and why each is one."""
    from cmdb.entrypoints.wiring import wired

    with wired(settings(data_dir, store_uri)) as parts:
        topology = parts.topology_at(asked_moment(parts.store, as_of, sequence))
    rows: list[dict[str, Any]] = []
    for plane in topology.planes():
        for root, why in zip(plane.roots, plane.why, strict=True):
            told = (plane.name, root.name, root.ci_class, "stated" if plane.is_stated else "found", why, root.id)
            rows.append(dict(zip(PLANES, told, strict=True)))
        if not plane.roots:
            rows.append({"plane": plane.name, "why": "it has no root, so that paths in it are not judged"})
    print_rows(rows, PLANES, output)


@app.command()
def roots(
    plane: Annotated[str, typer.Argument(help="Name of the plane, such as lan; a new one begins with this.")],
    reason: Reason,
    keys: Annotated[
        list[str] | None, typer.Argument(help="All its roots; none: nobody names one any more.", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Say where a plane is grounded, and nowhere else."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.planes import save_plane

    with wired(settings(data_dir, store_uri)) as parts:
        wanted = [find_one(parts.store, key).id for key in keys or ()]
        known = [p for p in parts.topology().planes() if p.name == plane and p.is_stated]
        standing = [root.id for p in known for root in p.roots]
        done = save_plane(parts.ingest, plane, wanted, standing, actor(), reason, dry_run=dry_run)
    if done.held is not None:
        say(f"it waits for another person: {done.held.text}")
    elif done.change_set is None:
        say(f"nothing changes: these are the roots of {plane}")
    else:
        say(f"{plane} {'would be' if dry_run else 'is'} grounded at {amount(len(set(wanted)), 'CI')}")


@app.command("set")
def set_(
    key: Key,
    name: Annotated[str, typer.Argument(help="Name that tells the requirements of the CI apart.")],
    needed: Annotated[int, typer.Option(help="Weight that must work.")],
    provider: Annotated[
        list[str],
        typer.Option(
            help="KEY, KEY=WEIGHT, KEY@PLANE or KEY=WEIGHT@PLANE; with a plane it must have a path to a root of that. "
            "May be repeated."
        ),
    ],
    reason: Reason,
    on_loss: Annotated[OnLoss, typer.Option(help="What a lost provider does while the rest is enough.")] = (
        OnLoss.at_risk
    ),
    pass_: Annotated[Pass, typer.Option("--pass", help="How ill health of providers passes on.")] = Pass.needed,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """State a requirement by hand, or say another one of that name instead; it replaces defaults of these providers."""
    import msgspec

    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.requirements import RequirementAsked, save_requirement
    from cmdb.topology.suppose import suppose_stated

    if not name.strip():
        raise UsageError("the name is empty: it tells the requirements of the CI apart")
    with wired(settings(data_dir, store_uri)) as parts:
        owner = find_one(parts.store, key).id
        given = tuple(_provider(parts, text) for text in provider)
        asked = RequirementAsked(owner, name, needed, given, on_loss.value, pass_.value)
        topology = parts.topology()
        planes = {plane.name for plane in topology.planes()}
        done = save_requirement(parts.ingest, asked, actor(), reason, planes, dry_run=dry_run)
        supposed = suppose_stated(topology, done.ci, owner, needed, asked.literals, (asked.on_loss, asked.passes))
        shown = [msgspec.structs.replace(supposed, name=name)] if supposed else []
        _tell(parts, owner, done, shown if dry_run else None, output)


@app.command()
def drop(
    key: Annotated[str, typer.Argument(help="The CI that needs; or, where no name follows, the id of a requirement.")],
    reason: Reason,
    name: Annotated[str | None, typer.Argument(help="Name of the requirement.", show_default=False)] = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Take back a requirement that was stated by hand; a default that it replaced comes back."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.requirements import drop_requirement, find_requirement
    from cmdb.topology.suppose import suppose_dropped

    with wired(settings(data_dir, store_uri)) as parts:
        id_ = key if name is None else find_requirement(parts.store, find_one(parts.store, key).id, name).id
        done = drop_requirement(parts.ingest, id_, actor(), reason, dry_run=dry_run)
        owner = parts.store.cis([id_])[0].parent
        _tell(parts, owner, done, suppose_dropped(parts.topology(), owner, id_) if dry_run else None, output)


def _provider(parts: Wired, text: str) -> ProviderAsked:
    """A provider as it is written on the command line; an identifier may hold `=` and `@` itself."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.requirements import ProviderAsked

    found = PROVIDER.fullmatch(text)
    key, weight, plane = found.group("key", "weight", "plane") if found else (text, None, None)
    try:
        ci = find_one(parts.store, key).id
    except NotFound as error:
        before, is_there, given = key.rpartition("=")
        if not is_there or not parts.store.resolve(before):
            raise
        text = f"--provider {key[:80]}: {given[:40]!r} is no weight; give a whole number of 1 or more"
        raise UsageError(text) from error
    return ProviderAsked(ci, int(weight or 1), plane or "")


def _tell(parts: Wired, owner: str, done: Saved, supposed: Iterable[Requirement] | None, output: Format) -> None:
    """Print what the owner needs now, or of a dry run what is `supposed`, and what came of it."""
    if supposed is not None:
        say(done.held.text.replace("waits", "would wait", 1) if done.held else "nothing was written")
        print_rows(map(_row, supposed), COLUMNS, output)
        return
    topology = parts.topology()
    print_rows(map(_row, topology.requirements_of(owner)), COLUMNS, output)
    for finding in topology.findings_of(owner):
        say(f"{finding.kind}: {finding.text}")
    say(done.held.text if done.held else f"the ledger is at sequence {done.sequence}")
    if done.held is not None:
        raise typer.Exit(PARTIAL)


def _row(found: Requirement) -> dict[str, Any]:
    providers = [
        p.ci.name + (f"={p.weight}" if p.weight != 1 else "") + (f"@{p.connected}" if p.connected else "")
        for p in found.providers
    ]
    words = {"on_loss": found.on_loss.lower(), "pass": found.pass_.lower(), "origin": found.origin.lower()}
    numbers = {"id": found.id, "owner": found.owner.name, "name": found.name or None, "needed": found.needed}
    rest = {"total": found.total, "providers": providers, "holds": found.holds, "said_by": list(found.evidence)}
    return {**numbers, **words, **rest}
