"""`cmdb ledger …`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, Format, Output, Reason, StoreUri, settings
from cmdb.entrypoints.cli.output import print_rows, say
from cmdb.errors import Invalid, UsageError
from cmdb.wording import amount

if TYPE_CHECKING:
    from cmdb.entrypoints.settings import Settings

app = typer.Typer(help="The chain of commits.", no_args_is_help=True)


hold = typer.Typer(help="Legal holds: what must be kept, whatever a retention rule says.", no_args_is_help=True)
app.add_typer(hold, name="hold")
HOLD_COLUMNS = ("name", "state", "scope", "reason", "since", "changed")


@app.callback()
def group() -> None:
    """The chain of commits."""


@app.command()
def verify(
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Also replay all commits and compare with the graph and its history, property by property."
        ),
    ] = False,
) -> None:
    """Prove that no commit was altered; exit code 5 if one was, with a line for each thing that differs."""
    from cmdb.entrypoints.wiring import clock_ms, wired
    from cmdb.ledger import verify as verify_chain
    from cmdb.store.protocol import LedgerCheck

    with wired(settings(data_dir, store_uri)) as parts:
        found = verify_chain(parts.store, parts.model, deep)
        if deep:
            ends = min(1, found.commits), found.commits
            check = LedgerCheck(*ends, clock_ms(), found.intact, found.intact, found.first_bad, found.head)
            parts.store.save_check(check)
    if not found.intact:
        for problem in found.problems:
            print(problem)
        raise Invalid(f"the ledger is not intact: {found.problems[0]}")
    replayed = ", and replaying them gives the graph and its history" if deep else ""
    gone = f"; {amount(found.disposed, 'text')} disposed of" if found.disposed else ""
    say(f"{amount(found.commits, 'commit')}, chain intact{replayed}{gone}; head {found.head[:16] or 'empty'}")


@app.command()
def export(
    output: Annotated[Path, typer.Option("-o", "--output", help="Empty folder, or NAME.tar, to write.")],
    sign: Annotated[str, typer.Option("--sign", help="Signing key: a file of mode 0600, env:NAME or credential:NAME.")],
    without_texts: Annotated[
        bool, typer.Option("--without-texts", help="Leave free text and personal values out; the chain verifies.")
    ] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Write the ledger, signed, with a script that verifies it offline."""
    from cmdb.entrypoints.settings import SECRET_REFERENCES
    from cmdb.entrypoints.wiring import clock_ms, resolve_secret, wired
    from cmdb.exchange.bundle import VERIFIER, read_key, write_bundle

    reference = sign if sign.startswith(SECRET_REFERENCES) else f"file:{sign}"
    key = read_key(resolve_secret(reference, "--sign"))
    with wired(settings(data_dir, store_uri)) as parts:
        done = write_bundle(parts.store, output, key, clock_ms(), not without_texts)
    say(f"{amount(done.commits, 'commit')}, head {done.head[:16] or 'empty'}, signed by")
    print(done.fingerprint)
    say(f"verify it with: python3 -I -S {VERIFIER} FOLDER")


@app.command()
def keygen(
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write, mode 0600.")],
) -> None:
    """Make a key to sign exports of the ledger with, and print the fingerprint by which it is known."""
    from cmdb.exchange.bundle import new_key

    pem, print_ = new_key()
    try:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except FileExistsError as error:
        raise Invalid(f"{output} is there already; a key is never written over") from error
    except OSError as error:
        raise Invalid(f"{output} can't be written: {error.strerror}") from error
    print(print_)


@app.command()
def dispose(
    reason: Reason,
    before: Annotated[
        str | None, typer.Option(help="Only what was superseded before this time (ISO 8601); else as settings say.")
    ] = None,
    class_: Annotated[str, typer.Option("--class", help="Only texts of CIs of this class.")] = "",
    attribute: Annotated[str, typer.Option(help="Only this attribute; `reason` for reasons of commits.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """Dispose of free text and personal values that were superseded; the chain still verifies."""
    from cmdb.entrypoints.wiring import actor, clock_ms, new_id, wired
    from cmdb.ledger.disposal import Retention, check_retention, plan_disposal
    from cmdb.ledger.disposal import dispose as dispose_texts
    from cmdb.ledger.holds import holds

    chosen, now = settings(data_dir, store_uri), clock_ms()
    retention = Retention(_cutoffs(chosen, before, now), class_, attribute)
    with wired(chosen) as parts:
        check_retention(retention, parts.model, now)
        if dry_run:
            plan = plan_disposal(parts.store, parts.model, retention, holds(parts.store))
        else:
            plan = dispose_texts(parts.store, parts.model, retention, reason, actor(), now, new_id)
    rows = [{"what": name, "texts": n, "held_by": ""} for name, n in sorted(plan.by_attribute.items()) if n]
    rows += [{"what": "held back", "texts": n, "held_by": name} for name, n in sorted(plan.held.items())]
    print_rows(rows, ("what", "texts", "held_by"), output)
    done = "would be disposed of" if dry_run else "disposed of"
    say(f"{amount(plan.texts, 'text')} {done}, {plan.held.total()} held back")
    if plan.unsealed:
        kept = amount(plan.unsealed, "reason")
        say(f"{kept} can't go: an earlier version of the program wrote them into the chain itself")


def _cutoffs(chosen: Settings, before: str | None, now: int) -> dict[str, int]:
    """Before when texts must have been superseded, by flag."""
    from cmdb.exchange.lines import from_iso
    from cmdb.ledger.disposal import DAY_MS, FLAGS, REASON

    if before is not None:
        try:
            return dict.fromkeys((*FLAGS, REASON), from_iso(before))
        except ValueError as error:
            raise UsageError(f"--before: {error}; write a time as 2026-05-01T00:00:00Z") from error
    days = {
        "free_text": chosen.retention_free_text_days,
        "personal": chosen.retention_personal_days,
        REASON: chosen.retention_reason_days,
    }
    return {flag: now - n * DAY_MS for flag, n in days.items() if n}


@hold.callback()
def hold_group() -> None:
    """Legal holds: what must be kept, whatever a retention rule says."""


@hold.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the hold.")],
    reason: Reason,
    ci: Annotated[
        list[str] | None, typer.Option(help="Id, identifier or name of a CI, with all that is part of it; repeat.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Hold all texts.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """Put a hold on the texts of some CIs, or on everything."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.ledger.holds import add_hold

    if bool(ci) == everything:
        raise UsageError("say what is held: --ci, as often as needed, or --everything")
    with wired(settings(data_dir, store_uri)) as parts:
        clock = parts.ingest.clock_ms
        sequence, _ = parts.ingest.decide(
            lambda _: add_hold(parts.store, name, reason, ci or (), clock()), actor(), reason
        )
    say(f"hold {name!r} is in force; the ledger is at sequence {sequence}")


@hold.command("list")
def list_(
    released: Annotated[bool, typer.Option("--released", help="Also those that were released.")] = False,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
    output: Output = Format.table,
) -> None:
    """List legal holds."""
    from cmdb.entrypoints.wiring import wired
    from cmdb.exchange.lines import iso
    from cmdb.ledger.holds import holds

    with wired(settings(data_dir, store_uri)) as parts:
        found = holds(parts.store, released)
    rows = [
        {"name": h.name, "state": h.state, "scope": list(h.cis) or "everything", "reason": h.reason}
        | {"since": iso(h.since), "changed": iso(h.changed)}
        for h in found
    ]
    print_rows(rows, HOLD_COLUMNS, output)


@hold.command()
def release(
    name: Annotated[str, typer.Argument(help="Name of the hold.")],
    reason: Reason,
    data_dir: DataDir = None,
    store_uri: StoreUri = None,
) -> None:
    """End a hold; what it kept may go with the next disposal."""
    from cmdb.entrypoints.wiring import actor, wired
    from cmdb.ledger.holds import release_hold

    with wired(settings(data_dir, store_uri)) as parts:
        clock = parts.ingest.clock_ms
        sequence, _ = parts.ingest.decide(lambda _: release_hold(parts.store, name, reason, clock()), actor(), reason)
    say(f"hold {name!r} is released; the ledger is at sequence {sequence}")
