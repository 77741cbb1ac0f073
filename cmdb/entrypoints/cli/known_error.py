"""`cmdb known-error …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value
from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.service.known_errors import KnownErrorRequest
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="Known errors: what goes wrong, where, and what helps.", no_args_is_help=True)
COLUMNS = ("number", "state", "title", "cis", "class", "vendor", "model", "versions", "workaround")
FIT_COLUMNS = ("number", "title", "ci", "by", "workaround")
Key = Annotated[str, typer.Argument(help="Number, id or title of a known error.")]
Cis = Annotated[list[str] | None, typer.Option("--ci", help="CI that has it; may be repeated.")]
Class = Annotated[str, typer.Option("--class", help="Its class, or one that this extends.")]
Vendor = Annotated[str, typer.Option(help="Maker of the model that has it.")]
ModelName = Annotated[str, typer.Option("--model", help="Model that has it.")]
Versions = Annotated[list[str] | None, typer.Option("--version", help="Version that has it; may be repeated.")]
Symptom = Annotated[str, typer.Option(help="What one sees.")]
Workaround = Annotated[str, typer.Option(help="What to do meanwhile.")]
Fix = Annotated[str, typer.Option(help="Where the fix is, such as a number of the maker.")]


@app.callback()
def group() -> None:
    """Known errors: what goes wrong, where, and what helps."""


@app.command()
def create(
    title: Annotated[str, typer.Argument(help="What goes wrong, in a few words.")],
    reason: Reason,
    ci: Cis = None,
    ci_class: Class = "",
    vendor: Vendor = "",
    model: ModelName = "",
    version: Versions = None,
    symptom: Symptom = "",
    workaround: Workaround = "",
    fix: Fix = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Write a known error down, as a draft; `move` it to active to have it shown with causes."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.known_errors import KnownErrors

    with wired(settings(data_dir, store_uri)) as parts:
        pattern = (ci_class, vendor, model, tuple(version or ()))
        asked = _asked(parts, title, ci, pattern, (symptom, workaround, fix))
        _tell(KnownErrors(parts.ingest).create(asked, actor(), reason))


@app.command()
def edit(
    key: Key,
    reason: Reason,
    title: Annotated[str, typer.Option(help="What goes wrong, in a few words.")] = "",
    ci: Cis = None,
    ci_class: Class = "",
    vendor: Vendor = "",
    model: ModelName = "",
    version: Versions = None,
    symptom: Symptom = "",
    workaround: Workaround = "",
    fix: Fix = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Change what is given of a known error; CIs, and class to version as a whole, stand for those before."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.known_errors import KnownErrors

    with wired(settings(data_dir, store_uri)) as parts:
        pattern = (ci_class, vendor, model, tuple(version or ()))
        asked = _asked(parts, title, ci, pattern, (symptom, workaround, fix))
        _tell(KnownErrors(parts.ingest).edit(key, asked, actor(), reason))


@app.command()
def move(
    key: Key,
    to: Annotated[str, typer.Argument(help="active or withdrawn.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Take a known error to another state."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.known_errors import KnownErrors

    with wired(settings(data_dir, store_uri)) as parts:
        _tell(KnownErrors(parts.ingest).step(key, to, actor(), reason))


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that are withdrawn too.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List known errors, the oldest first."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import KNOWN_ERROR

    with wired(settings(data_dir, store_uri)) as parts:
        found = parts.store.records(kinds=(KNOWN_ERROR,), states=() if everything else ("draft", "active"))
    print_rows([_row(record) for record in found], COLUMNS, output)


@app.command()
def show(key: Key, data_dir: DataDir = None, store_uri: StoreUri = None, output: Output = Format.yaml) -> None:
    """Show one known error as it is recorded."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.lifecycle import KNOWN_ERROR, find_record

    with wired(settings(data_dir, store_uri)) as parts:
        found = find_record(parts.store, KNOWN_ERROR, key)
        named = {ci.id: ci.name for ci in parts.store.cis(found.about)}
    value = {"id": found.id, "state": found.state, "title": found.title, "revision": found.revision}
    print_value(value | {**found.body, **found.texts, "cis": named}, Format.yaml if output is Format.table else output)


@app.command()
def on(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Ids, identifiers or unique names of CIs.", show_default=False)
    ] = None,
    incident: Annotated[str | None, typer.Option(help="The CIs of this incident.", show_default=False)] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List the active known errors of some CIs and of their models."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.known_errors import known_errors_on
    from cmdb.service.lifecycle import INCIDENT, find_record, number_of

    if not keys and incident is None:
        raise UsageError("name a CI, or an incident with --incident")
    with wired(settings(data_dir, store_uri)) as parts:
        ids = [find_one(parts.store, key).id for key in keys or ()]
        if incident is not None:
            ids += find_record(parts.store, INCIDENT, incident).about
        found = known_errors_on(parts.store, parts.model, ids)
        names = {ci.id: ci.name for ci in parts.store.cis(list(found))}
    rows = [
        {
            "number": number_of(known.record),
            "title": known.record.title,
            "ci": names[ci],
            "by": known.by,
            "workaround": known.record.texts.get("workaround"),
        }
        for ci, fitting in found.items()
        for known in fitting
    ]
    print_rows(rows, FIT_COLUMNS, output)


def _asked(
    parts: Wired,
    title: str,
    keys: list[str] | None,
    pattern: tuple[str, str, str, tuple[str, ...]],
    texts: tuple[str, str, str],
) -> KnownErrorRequest:
    from cmdb.entrypoints.keys import find_one
    from cmdb.service.known_errors import KnownErrorRequest, Pattern

    cis = tuple(find_one(parts.store, key).id for key in keys or ())
    return KnownErrorRequest(title, cis, Pattern(*pattern), *texts)


def _tell(record: StoredRecord) -> None:
    from cmdb.service.lifecycle import number_of

    print(f"{number_of(record)} {record.state}")


def _row(record: StoredRecord) -> dict[str, Any]:
    from cmdb.service.known_errors import pattern_of
    from cmdb.service.lifecycle import number_of

    pattern = pattern_of(record)
    row: dict[str, Any] = {"number": number_of(record), "id": record.id, "state": record.state, "title": record.title}
    row |= {"cis": len(record.about), "class": pattern.ci_class or None, "vendor": pattern.vendor or None}
    row |= {"model": pattern.model or None, "versions": list(pattern.versions) or None}
    return row | {"workaround": record.texts.get("workaround")}
