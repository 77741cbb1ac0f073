"""Puts the columns of a table back together as rows."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.snmp.table import Table
from collectors.transport.answers import Answers, Oid, Outcome, Value

Row = dict[str, Value]

READ = frozenset({Outcome.COMPLETE, Outcome.EMPTY, Outcome.NO_SUCH_OBJECT})  # these leave nothing open


def rows(answers: Answers, table: Table) -> dict[Oid, Row]:
    """Rows of a table by index, in order of their indexes; a column that was not read is absent in them."""
    found: dict[Oid, Row] = {}
    for name, root in table.columns.items():
        walk = answers.tables.get(root)
        if walk is not None and walk.varbinds:  # most tables are those of another maker
            for index, value in answers.column(root).items():
                found.setdefault(index, {})[name] = value
    return dict(sorted(found.items())) if found else found


def columns(answers: Answers, table: Table) -> Mapping[str, Outcome]:
    """How the reading of each column that was asked for ended."""
    asked = ((name, answers.tables.get(root)) for name, root in table.columns.items())
    return {name: walk.outcome for name, walk in asked if walk is not None}


def is_complete(answers: Answers, table: Table) -> bool:
    """Whether every column that was asked for was read to its end, and the table has a row."""
    outcomes = columns(answers, table)
    has_row = any(answers.tables[table.columns[name]].varbinds for name in outcomes)
    return has_row and all(outcome in READ for outcome in outcomes.values())


def is_unread(answers: Answers, root: Oid) -> bool:
    """Whether a scalar or column was asked for and not read to its end: what it holds is not known."""
    walk = answers.tables.get(root)
    return walk is not None and walk.outcome not in READ
