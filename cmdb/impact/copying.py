"""All groups and edges of a topology as arrays, taken over in one piece where they lie in a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cmdb.topology.live import Group, Live, ci_of, plane_of
from cmdb.topology.plane import Fabric
from cmdb.topology.tables import Table
from cmdb.topology.thaw import Groups, Served

Longs: TypeAlias = NDArray[np.int64]


class Filling(NamedTuple):
    """Rows to come: where each belongs, how many entries it has, and all entries one row after the other."""

    places: Longs
    counts: Longs
    values: tuple[Longs, ...]


def highest(live: Live, fabrics: Sequence[Fabric]) -> int:
    """The highest number of a CI in groups and planes."""
    serves = live.serves
    kept = [key for key, _ in serves.kept()] if isinstance(serves, Served) else serves
    owners, _ = weights(live)
    return max(
        max(map(ci_of, kept), default=-1),
        len(serves.table) - 1 if isinstance(serves, Served) else -1,
        int(owners.max(initial=-1)),
        max((ci for fabric in fabrics for ci in fabric.edges), default=-1),
    )


def weights(live: Live) -> tuple[NDArray[np.int32], Longs]:
    """Owner and slack of each group, by its number."""
    numbered = live.numbered
    count = len(numbered)
    if not isinstance(numbered, Groups):
        owners = np.fromiter((group.owner for group in numbered), np.int32, count)
        return owners, np.fromiter((group.slack for group in numbered), np.int64, count)
    owners, slacks = np.zeros(count, np.int32), np.zeros(count, np.int64)
    owners[: len(numbered.owners)], slacks[: len(numbered.slacks)] = numbered.owners, numbered.slacks
    for number, group in numbered.kept():
        owners[number], slacks[number] = group.owner, group.slack
    return owners, slacks


def served(live: Live, width: int) -> Filling:
    """What each literal provides: groups, and its weight in them."""
    serves = live.serves
    if not isinstance(serves, Served):
        return _read(list(serves.items()), width)
    literals = np.array(serves.literals, np.int64)
    bands = 1 + (~literals & 0xFFFF)
    filled = [
        _taken(serves.table, np.arange(len(serves.table))),
        _taken(serves.conn_table, bands * width + (~literals >> 16)),
    ]
    changed = [place_of(key, width) for key in (*serves.gone, *(key for key, _ in serves.kept()))]
    filled = [_without(part, np.array(changed, np.int64)) for part in filled]
    filled.append(_read([(key, row) for key, row in serves.kept() if row], width))
    return Filling(
        np.concatenate([part.places for part in filled]),
        np.concatenate([part.counts for part in filled]),
        tuple(np.concatenate(columns) for columns in zip(*(part.values for part in filled), strict=True)),
    )


def edges(fabrics: Sequence[Fabric], width: int) -> Filling:
    """Who is beside whom, by fabric."""
    rows = [(n * width + ci, fars) for n, fabric in enumerate(fabrics) for ci, fars in fabric.edges.items()]
    places = np.fromiter((place for place, _ in rows), np.int64, len(rows))
    counts = np.fromiter((len(fars) for _, fars in rows), np.int64, len(rows))
    return Filling(places, counts, (np.fromiter((far for _, row in rows for far in row), np.int64),))


def place_of(literal: int, width: int) -> int:
    """Where a literal is in the arrays: bands as wide as there are CIs, "is up" first, then plane by plane."""
    return literal if literal >= 0 else (1 + plane_of(literal)) * width + ci_of(literal)


def _read(rows: Sequence[tuple[int, dict[Group, int]]], width: int) -> Filling:
    return Filling(
        np.fromiter((place_of(literal, width) for literal, _ in rows), np.int64, len(rows)),
        np.fromiter((len(row) for _, row in rows), np.int64, len(rows)),
        (
            np.fromiter((group.number for _, row in rows for group in row), np.int64),
            np.fromiter((weight for _, row in rows for weight in row.values()), np.int64),
        ),
    )


def _taken(table: Table, places: Longs) -> Filling:
    """Rows of pairs of numbers."""
    ends = np.array(table.ends, np.int64)
    pairs = np.frombuffer(table.pool, np.int64).reshape(-1, 2)
    return Filling(places, np.diff(ends, prepend=0) // pairs.dtype.itemsize // 2, (pairs[:, 0], pairs[:, 1]))


def _without(part: Filling, places: Longs) -> Filling:
    """Leave out what is read elsewhere."""
    keep = ~np.isin(part.places, places)
    entries = np.repeat(keep, part.counts)
    return Filling(part.places[keep], part.counts[keep], tuple(column[entries] for column in part.values))
