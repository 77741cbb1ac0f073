"""Options that many commands share, and the settings that they give."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cmdb.entrypoints.settings import Settings, load
from cmdb.errors import UsageError

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the embedded store.", show_default=False)]
StoreUri = Annotated[
    str | None, typer.Option("--store-uri", help="Neo4j to use instead: bolt://… or neo4j://…", show_default=False)
]


def _said(reason: str) -> str:
    """A reason as it was given; raises UsageError for blanks, which say nothing."""
    if not reason.strip():
        raise UsageError("--reason: say why; it is kept in the ledger")
    return reason


def _said_if_given(reason: str) -> str:
    return _said(reason) if reason else reason


Reason = Annotated[str, typer.Option("--reason", help="Why, for the ledger.", callback=_said)]
OptionalReason = Annotated[str, typer.Option("--reason", help="Why, for the ledger.", callback=_said_if_given)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would change; write nothing.")]


class Format(StrEnum):
    """How data is printed."""

    table = "table"
    json = "json"
    ndjson = "ndjson"
    yaml = "yaml"
    csv = "csv"
    name = "name"


Output = Annotated[Format, typer.Option("-o", "--output", help="How to print data.")]
Fields = Annotated[
    str | None, typer.Option("--fields", help="Columns to print, separated by commas.", show_default=False)
]


def check_words(given: Iterable[str], known: Collection[str], what: str) -> None:
    """Raise UsageError that lists the words that an option takes, where another one was given."""
    for word in given:
        if word not in known:
            raise UsageError(f"there is no {what} {word!r}; use {', '.join(known)}")


def settings(data_dir: Path | None = None, store_uri: str | None = None, **more: Any) -> Settings:
    """Settings with what the command line says on top."""
    return load({"data_dir": data_dir, "store_uri": store_uri, **more})[0]
