"""`cmdb ci set`, `lock`, `unlock`, `explain` and `disagreements`: what people say of CIs, and who is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, DryRun, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value, say
from cmdb.entrypoints.exits import PARTIAL
from cmdb.errors import Invalid, UsageError

if TYPE_CHECKING:
    from cmdb.edit import Edit
    from cmdb.model.registry import Model
    from cmdb.store.protocol import CIRecord

Key = Annotated[str, typer.Argument(help="Id, identifier or unique name.")]
CLAIMS = ("attribute", "verdict", "value", "source", "target", "observed_at", "precedence")
HIDDEN = ("id", "class", "name", "attribute", "value", "said_by", "hidden", "hidden_said_by", "why")
CHANGES = ("attribute", "before", "after")


def set_(
    key: Key,
    values: Annotated[list[str], typer.Argument(help="ATTRIBUTE=VALUE; ATTRIBUTE= takes back what people said.")],
    reason: Reason,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Say values of a CI by hand, its name and status (planned, in_stock, in_service, retired) among them."""
    from cmdb.edit import Edit

    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not equals:
            raise UsageError(f"{name!r}: write ATTRIBUTE=VALUE")
    names = [name for name, _, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{', '.join(twice)} was given more than once: give each attribute one value")

    def edit(ci: CIRecord, model: Model) -> Edit:
        said = {name: _value(model, ci.ci_class, name, text) for name, _, text in pairs if text}
        return Edit(said, tuple(name for name, _, text in pairs if not text))

    _save(key, edit, reason, dry_run, (data_dir, store_uri), output)


def lock(
    key: Key,
    attribute: Annotated[str, typer.Argument(help="The attribute.")],
    reason: Reason,
    value: Annotated[
        str | None, typer.Option(help="Value that is to hold; the one it has where not given.", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Let a value hold whatever other sources say, until it is unlocked."""
    from cmdb.edit import Edit

    def edit(ci: CIRecord, model: Model) -> Edit:
        said = {} if value is None else {attribute: _value(model, ci.ci_class, attribute, value)}
        return Edit(said, lock=(attribute,))

    _save(key, edit, reason, dry_run, (data_dir, store_uri), output)


def unlock(
    key: Key,
    attribute: Annotated[str, typer.Argument(help="The attribute.")],
    reason: Reason,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Take back a lock and the value that it held; the strongest source decides again."""
    from cmdb.edit import Edit

    _save(key, lambda ci, model: Edit(unlock=(attribute,)), reason, dry_run, (data_dir, store_uri), output)


def explain(
    key: Key,
    attribute: Annotated[str | None, typer.Argument(help="Only this attribute.", show_default=False)] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Tell for each attribute what every source says, since when, and why the winner won; and why the status is so."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import wired
    from cmdb.exchange.lines import iso
    from cmdb.reconcile.status import evidence

    with wired(settings(data_dir, store_uri)) as parts:
        (ci,) = parts.store.cis([find_one(parts.store, key).id])
        if attribute is not None and attribute not in {*parts.model.ci_class(ci.ci_class).attributes, "name", "status"}:
            raise Invalid(f"{ci.ci_class} has no attribute {attribute!r}")
        rows = list(_claims(ci, parts.model, attribute))
        found = evidence(ci.facets, ci.ci_class, parts.model)
    if output in (Format.json, Format.yaml):
        head: dict[str, Any] = {"id": ci.id, "class": ci.ci_class, "name": ci.name}
        if attribute in (None, "status"):
            since = iso(found.since) if found.since else None
            head["status"] = {"value": ci.status, "since": since, "evidence": found.text}
        print_value({**head, "claims": rows}, output)
        return
    print_rows(rows, CLAIMS, output)
    if attribute in (None, "status"):
        since = f" since {iso(found.since)}" if found.since else ""
        say(f"{ci.status}{since}: {found.text}")


def disagreements(
    ci_class: Annotated[
        list[str] | None, typer.Option("--class", help="Only CIs of this class; may be repeated.", show_default=False)
    ] = None,
    locked: Annotated[bool, typer.Option("--locked", help="Only what a lock hides.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List where a lock or a higher precedence hides another live value, and what is retired and still seen."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.reconcile.claims import disagreements as of

    with wired(settings(data_dir, store_uri)) as parts:
        wanted = {parts.model.ci_class(name).name for name in ci_class or ()}
        rows = (
            {
                "id": ci.id,
                "class": ci.ci_class,
                "name": ci.name,
                "attribute": found.attribute,
                "value": found.value,
                "said_by": found.origin,
                "hidden": found.hidden,
                "hidden_said_by": found.hidden_origin,
                "why": found.verdict,
            }
            for ci in parts.store.scan_cis()
            if not wanted or ci.ci_class in wanted
            for found in of(ci.facets, ci.ci_class, parts.model)
            if not locked or found.verdict == "LOCKED"
        )
        print_rows(rows, HIDDEN, output)


def _claims(ci: CIRecord, model: Model, attribute: str | None) -> Iterator[dict[str, Any]]:
    from cmdb.exchange.lines import iso
    from cmdb.observation import split_origin
    from cmdb.reconcile.claims import claims_of, names_of

    for name in names_of(ci.facets.values()) if attribute is None else [attribute]:
        for claim in claims_of(ci.facets, ci.ci_class, name, model.precedence):
            source, target = split_origin(claim.origin)
            at = iso(ci.seen.get(claim.origin, ci.facets[claim.origin].since))
            told = (name, claim.verdict, claim.value, source, target, at, claim.precedence)
            yield dict(zip(CLAIMS, told, strict=True))


def _save(
    key: str,
    edit: Any,
    reason: str,
    dry_run: bool,
    where: tuple[Any, Any],
    output: Format,
) -> None:
    from cmdb.changes import SetCI
    from cmdb.edit import save
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import actor, wired

    with wired(settings(*where)) as parts:
        (ci,) = parts.store.cis([find_one(parts.store, key).id])
        done = save(parts.ingest, ci.id, edit(ci, parts.model), actor(), reason, dry_run=dry_run)
    rows: list[dict[str, Any]] = []
    before = {**ci.attributes, "name": ci.name}
    for change in done.change_set.changes if done.change_set else ():
        if isinstance(change, SetCI) and change.id == ci.id:
            names = sorted({*change.set, *change.unset})
            rows += [dict(zip(CHANGES, (n, before.get(n), change.set.get(n)), strict=True)) for n in names]
            if change.status != ci.status:
                rows.append(dict(zip(CHANGES, ("status", ci.status, change.status), strict=True)))
    print_rows(rows, CHANGES, output)
    if done.held is None:
        say("nothing was written" if dry_run else f"the ledger is at sequence {done.sequence}")
        return
    say(f"of {ci.name} {done.held.text.replace('waits', 'would wait', 1) if dry_run else done.held.text}")
    if not dry_run:
        raise typer.Exit(PARTIAL)


def _value(model: Model, ci_class: str, name: str, text: str) -> Any:
    """A value as it is written on a command line: lists are separated by commas."""
    attribute = model.ci_class(ci_class).attributes.get(name)
    if attribute is None or not attribute.type.endswith("_list"):
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


def add_to(app: typer.Typer) -> None:
    """Give `cmdb ci` these commands."""
    app.command("set")(set_)
    app.command("lock")(lock)
    app.command("unlock")(unlock)
    app.command("explain")(explain)
    app.command("disagreements")(disagreements)
