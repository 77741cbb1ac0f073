"""Print, write or check the published schema: `python -m cmdb_graphql.export [--write | --check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from cmdb_graphql.schema import sdl

FILE = Path(__file__).parents[1] / "schema.graphql"


def main(arguments: list[str]) -> int:
    """Print the schema, or write or check the published file; returns the exit code."""
    text = sdl()
    if arguments == ["--write"]:
        FILE.write_text(text, "utf-8")
    elif arguments == ["--check"]:
        if not FILE.exists() or FILE.read_text("utf-8") != text:
            sys.stderr.write(f"{FILE} is out of date: run python -m cmdb_graphql.export --write\n")
            return 1
    elif not arguments:
        sys.stdout.write(text)
    else:
        sys.stderr.write("takes nothing, --write or --check\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
