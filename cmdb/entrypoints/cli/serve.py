"""`cmdb serve` and `cmdb demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cmdb.entrypoints.cli.options import DataDir, StoreUri, settings
from cmdb.entrypoints.cli.output import say

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one.", show_default=False)]

SiteFile = Annotated[
    Path | None, typer.Option("--site", help="Site to start instead of the built-in one (YAML).", show_default=False)
]


def serve(data_dir: DataDir = None, store_uri: StoreUri = None, host: Host = None, port: Port = None) -> None:
    """Serve GraphQL, REST, health and metrics until interrupted."""
    from cmdb.entrypoints.logs import set_up
    from cmdb.entrypoints.notify import notify
    from cmdb.entrypoints.running import run

    def started(address: str, _: object) -> None:
        say(f"serving {address} (GraphQL at /graphql, REST at /api/v1); Ctrl-C stops")
        notify("READY=1")

    values = settings(data_dir, store_uri, host=host, port=port)
    set_up(values.log_level)
    run(values, started)


def demo(data_dir: DataDir = None, store_uri: StoreUri = None, port: Port = None, site: SiteFile = None) -> None:
    """Start the demo site, discover it over SNMP and SSH, serve it, and ask what its weak point brings down."""
    from cmdb.entrypoints.demo import run_demo
    from cmdb.entrypoints.logs import set_up

    values = settings(data_dir, store_uri, port=port)
    set_up("warning")
    run_demo(values, site)
