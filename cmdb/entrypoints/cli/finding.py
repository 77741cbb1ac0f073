"""`cmdb audit finding …`"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, check_words, settings
from cmdb.entrypoints.cli.output import print_rows
from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.store.protocol import StoredRecord

app = typer.Typer(help="What audits found.", no_args_is_help=True)
COLUMNS = ("number", "audit", "title", "type", "grade", "state", "owner", "due", "overdue")
Finding = Annotated[str, typer.Argument(help="Number or id of a finding.")]


class GradeName(StrEnum):
    """How grave a finding is."""

    minor = "minor"
    major = "major"


@app.callback()
def group() -> None:
    """What audits found."""


@app.command("list")
def list_(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Only in these states: open, cause_known, closed; may be repeated.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Only those of this login.")] = "",
    audit: Annotated[str, typer.Option(help="Only those of this audit.")] = "",
    output: Output = Format.table,
) -> None:
    """List findings, the oldest first."""
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.service.findings import Findings
    from cmdb.service.lifecycle import AUDIT, FINDING, STEPS, find_record

    check_words(state or (), STEPS[FINDING], "state")
    with wired(settings(data_dir, store_uri)) as parts:
        of = find_record(parts.store, AUDIT, audit).id if audit else ""
        found = Findings(parts.ingest).list(state or (), owner, of)
        print_rows([_row(f, clock_ms()) for f in found], COLUMNS, output)


@app.command("assign")
def assign(
    key: Finding,
    reason: Reason,
    owner: Annotated[str, typer.Option(help="Login of who settles it.")] = "",
    due: Annotated[str | None, typer.Option(help="Until when: a day such as 2026-12-31, or a time.")] = None,
    grade: Annotated[GradeName | None, typer.Option(help="How grave it is.")] = None,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Change who settles a finding, until when, and how grave it is."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.findings import Findings

    until = _time(due) if due else None
    with wired(settings(data_dir, store_uri)) as parts:
        changed = Findings(parts.ingest).assign(key, actor(), reason, owner, until, grade.value if grade else "")
        tell(changed)


@app.command("cause")
def cause_(
    key: Finding,
    cause: Annotated[str, typer.Argument(help="What the cause was.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Say what caused a finding."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.findings import Findings

    with wired(settings(data_dir, store_uri)) as parts:
        tell(Findings(parts.ingest).cause(key, actor(), reason, cause))


@app.command("close")
def close(
    key: Finding,
    evidence: Annotated[str, typer.Option(help="What shows that it is settled.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Close a finding whose cause is known; another person than the responsible one does it."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.service.findings import Findings

    with wired(settings(data_dir, store_uri)) as parts:
        tell(Findings(parts.ingest).close(key, actor(), reason, evidence))


def tell(record: StoredRecord) -> None:
    """Print the number of a record and the state that it is in now."""
    from cmdb.service.lifecycle import number_of

    print(f"{number_of(record)} {record.state}")


def _time(text: str) -> int:
    """A time, or the end of a day in UTC, in epoch milliseconds."""
    from cmdb.exchange.lines import from_iso

    try:
        return from_iso(f"{text}T23:59:59Z" if len(text) == len("2026-12-31") else text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time; write 2026-12-31 or 2026-12-31T12:00:00Z") from error


def _row(found: StoredRecord, now: int) -> dict[str, Any]:
    from cmdb.exchange.lines import iso
    from cmdb.service.due import is_overdue
    from cmdb.service.lifecycle import number_of

    body = found.body
    row = {"number": number_of(found), "audit": body["audit_number"], "title": found.title, "state": found.state}
    row |= {name: body[name] for name in ("type", "grade", "owner")}
    return row | {"due": iso(body["due"]), "overdue": is_overdue(found, now)}
