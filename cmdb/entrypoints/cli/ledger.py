"""`cmdb ledger …`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, StoreUri, settings
from cmdb.entrypoints.cli.output import say
from cmdb.errors import Invalid

app = typer.Typer(help="The chain of commits.", no_args_is_help=True)


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
    from cmdb.entrypoints.wiring import wired
    from cmdb.ledger import verify as verify_chain

    with wired(settings(data_dir, store_uri)) as parts:
        found = verify_chain(parts.store, parts.model, deep)
    if not found.intact:
        for problem in found.problems:
            print(problem)
        raise Invalid(f"the ledger is not intact: {found.problems[0]}")
    replayed = ", and replaying them gives the graph and its history" if deep else ""
    gone = f"; {found.disposed} texts were disposed of" if found.disposed else ""
    say(f"{found.commits} commits, chain intact{replayed}{gone}; head {found.head[:16] or 'empty'}")


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
    say(f"{done.commits} commits, head {done.head[:16] or 'empty'}, signed by")
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
