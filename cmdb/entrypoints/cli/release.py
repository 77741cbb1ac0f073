"""`cmdb release …`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli import rollout
from cmdb.entrypoints.cli.change import AnswerOutput, From, Shown, To
from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, print_value
from cmdb.entrypoints.cli.times import as_answer, read_window
from cmdb.errors import Invalid, NotFound, UsageError

if TYPE_CHECKING:
    from cmdb.entrypoints.wiring import Wired
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="Releases and their waves.", no_args_is_help=True)
rollout.add_to(app)
COLUMNS = ("number", "title", "version", "state", "from", "to", "cis")
Key = Annotated[str, typer.Argument(help="Number, id or title of a release.")]
Cis = Annotated[list[str] | None, typer.Option("--ci", help="CI that gets the new version; may be repeated.")]
Class = Annotated[str, typer.Option("--class", help="All CIs of this class, or of those that extend it.")]
Prefix = Annotated[str, typer.Option(help="Of that class, only CIs whose names start so.")]
Installs = Annotated[
    list[str] | None,
    typer.Option(help="A version that it brings: os_version=15.2(8)E or product:openssl=3.0.15; may be repeated."),
]
Tested = Annotated[list[str] | None, typer.Option(help="A version with which it was tested; may be repeated.")]


@app.callback()
def group() -> None:
    """Releases and their waves."""


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; may be repeated.")] = None,
    output: Output = Format.table,
) -> None:
    """List releases, the oldest first."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.service.releases import Releases

    with wired(settings(data_dir, store_uri)) as parts:
        print_rows([_row(r) for r in Releases(parts.ingest).list(state or ())], COLUMNS, output)


@app.command()
def create(
    title: Annotated[str, typer.Argument(help="What goes live, in a few words.")],
    reason: Reason,
    ci: Cis = None,
    ci_class: Class = "",
    name_prefix: Prefix = "",
    version: Annotated[str, typer.Option(help="Name of the version.")] = "",
    installs: Installs = None,
    tested: Tested = None,
    start: From = None,
    end: To = None,
    description: Annotated[str, typer.Option(help="What goes live, at length.")] = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Write a release down, as a draft. Its CIs are those that are named and those that the query finds now."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.releases import ReleaseRequest, Releases
    from cmdb.service.versions import read_facts

    window = read_window(start, end)
    if not (ci or ci_class):
        raise Invalid("a release is about at least one CI: give --ci, or a query with --class")
    contents, known = read_facts(installs or ()), read_facts(tested or ())
    with wired(settings(data_dir, store_uri)) as parts:
        cis = tuple(_targets(parts, ci or [], ci_class, name_prefix))
        asked = ReleaseRequest(title, cis, version, window, description, contents, known)
        _tell(Releases(parts.ingest).create(asked, actor(), reason))


@app.command()
def edit(
    key: Key,
    reason: Reason,
    title: Annotated[str, typer.Option(help="What goes live, in a few words.")] = "",
    ci: Cis = None,
    ci_class: Class = "",
    name_prefix: Prefix = "",
    version: Annotated[str, typer.Option(help="Name of the version.")] = "",
    installs: Installs = None,
    tested: Tested = None,
    start: From = None,
    end: To = None,
    description: Annotated[str, typer.Option(help="What goes live, at length.")] = "",
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Change what is given of a release that is not being deployed yet; lists stand for those before."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.releases import ReleaseRequest, Releases
    from cmdb.service.versions import read_facts

    window = read_window(start, end)
    contents, known = read_facts(installs or ()), read_facts(tested or ())
    with wired(settings(data_dir, store_uri)) as parts:
        cis = tuple(_targets(parts, ci or [], ci_class, name_prefix))
        asked = ReleaseRequest(title, cis, version, window, description, contents, known)
        _tell(Releases(parts.ingest).edit(key, asked, actor(), reason))


@app.command()
def move(
    key: Key,
    to: Annotated[str, typer.Argument(help="State after it, such as accepted or deploying.")],
    reason: Reason,
    baseline: Annotated[str, typer.Option(help="Baseline to deploy from: its name.")] = "",
    take_baseline: Annotated[
        bool, typer.Option("--take-baseline", help="Take a baseline now, and deploy from that.")
    ] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Take a release to another state; to deploy it a baseline is needed, taken after it was approved."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.releases import Releases

    with wired(settings(data_dir, store_uri)) as parts:
        _tell(Releases(parts.ingest).step(key, to, actor(), reason, baseline, take_baseline))


@app.command()
def waves(
    key: Annotated[str | None, typer.Argument(help="Number, id or title of a release; none for some CIs.")] = None,
    ci: Cis = None,
    ci_class: Class = "",
    name_prefix: Prefix = "",
    size: Annotated[int | None, typer.Option(help="CIs in one wave at most.", show_default=False)] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: AnswerOutput = Shown.table,
) -> None:
    """Order a release in waves that each harm no more than their CIs do one by one."""
    from cmdb.entrypoints.plan_tables import show_waves
    from cmdb.entrypoints.wiring import wired
    from cmdb.impact.waves import plan_waves
    from cmdb.service.lifecycle import RELEASE, find_record
    from cmdb.service.releases import targets_of

    if (key is None) == (not (ci or ci_class)):
        raise UsageError("name either a release, or CIs with --ci or --class")
    with wired(settings(data_dir, store_uri)) as parts:
        if key is not None:
            cis = targets_of(parts.store, find_record(parts.store, RELEASE, key))
        else:
            cis = _targets(parts, ci or [], ci_class, name_prefix)
        topology = parts.topology()
        found = plan_waves(topology, cis, size)
    if output is Shown.table:
        show_waves(found, topology.title)
    else:
        print_value(as_answer(found), Format(output.value))


def _targets(parts: Wired, keys: list[str], ci_class: str, name_prefix: str) -> list[str]:
    """CIs by name, and those that a class and the beginning of a name find."""
    from cmdb.entrypoints.keys import find_one
    from cmdb.service.scope import Scope

    if name_prefix and not ci_class:
        raise UsageError("--name-prefix goes with --class")
    found = [find_one(parts.store, key).id for key in keys]
    if ci_class:
        scope = Scope((ci_class,), name_prefix, ("planned", "in_service", "missing")).check(parts.model)
        cis = parts.store.scan_cis()
        queried = [c.id for c in cis if scope.holds(parts.model, c.ci_class, c.name, c.status)]
        if not queried:
            begin = f" whose name begins with {name_prefix[:80]!r}" if name_prefix else ""
            raise NotFound(f"--class: no CI of class {ci_class}{begin} is there")
        found += queried
    return list(dict.fromkeys(found))


def _tell(release: StoredRecord) -> None:
    from cmdb.service.lifecycle import number_of

    print(f"{number_of(release)} {release.state}")


def _row(release: StoredRecord) -> dict[str, Any]:
    from cmdb.exchange.lines import iso
    from cmdb.service.calendar import window_of
    from cmdb.service.lifecycle import number_of

    window = window_of(release)
    row = {"number": number_of(release), "title": release.title, "version": release.body.get("version_name")}
    row |= {"state": release.state, "from": None, "to": None, "cis": len(release.about)}
    return row | ({"from": iso(window.start), "to": iso(window.end)} if window else {})
