"""How a conceptual table is named: its columns, and which of them tell whether an agent has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collectors.transport.answers import Oid, parse_oid


@dataclass(frozen=True)
class Table:
    """A conceptual table: its columns by name.

    The columns named in `probes` are read first, the others only where one of those has a row: an agent without the
    table is asked once or twice, not fifteen times. A table with `after` is only read where that one had a row, one
    with `without` where that one had none.
    """

    name: str
    columns: Mapping[str, Oid]
    probes: tuple[str, ...]
    after: str = ""
    without: str = ""


def table(name: str, entry: str, columns: dict[str, int], probes: str, after: str = "", *, without: str = "") -> Table:
    """A table whose entry has the OID `entry`; `probes` are names of columns, separated by spaces."""
    root = parse_oid(entry)
    return Table(name, {column: (*root, arc) for column, arc in columns.items()}, tuple(probes.split()), after, without)
