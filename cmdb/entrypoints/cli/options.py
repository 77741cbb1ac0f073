"""Options that many commands share, and the settings that they give."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cmdb.entrypoints.settings import Settings, load

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the embedded store.", show_default=False)]
StoreUri = Annotated[
    str | None, typer.Option("--store-uri", help="Neo4j to use instead: bolt://… or neo4j://…", show_default=False)
]


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


def settings(data_dir: Path | None = None, store_uri: str | None = None, **more: Any) -> Settings:
    """Settings with what the command line says on top."""
    return load({"data_dir": data_dir, "store_uri": store_uri, **more})[0]
