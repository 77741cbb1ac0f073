"""Who is there, by class: over all CIs, without reading each of them where a snapshot tells it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence

from cmdb.topology.facts import NO_PARENT, NONE, Node
from cmdb.topology.tables import Listed, Table

Pair = tuple[str, str]  # class, status


class Nodes(Listed[Node]):
    """CIs of a snapshot, and what became of them; `sorts` has for each which of `pairs` it had there."""

    def __init__(self, table: Table, read: Callable[[int], Node], pairs: Sequence[Pair], sorts: memoryview) -> None:
        super().__init__(len(table), read, table)
        self.pairs, self.sorts = pairs, sorts


def sorts_of(nodes: Sequence[Node]) -> tuple[list[Pair], array[int]]:
    """All pairs of class and status, and for each CI which of them it has."""
    known: dict[Pair, int] = {}
    sorts = array("H", bytes(2 * len(nodes)))
    changed: Iterable[tuple[int, Node]] = enumerate(nodes)
    if isinstance(nodes, Nodes):
        known.update({pair: number for number, pair in enumerate(nodes.pairs)})
        sorts[: len(nodes.sorts)] = array("H", nodes.sorts)
        changed = nodes.kept()
    for ci, node in changed:
        sorts[ci] = known.setdefault((node.ci_class, node.status), len(known))
    return list(known), sorts


def by_class(nodes: Sequence[Node]) -> dict[str, list[int]]:
    """The numbers of the CIs that are there, by class, in order."""
    pairs, sorts = sorts_of(nodes)
    found: dict[str, list[int]] = {}
    rows = [found.setdefault(pair[0], []) if _is_there(pair) else [] for pair in pairs]
    for ci, sort in enumerate(sorts):
        rows[sort].append(ci)
    return {ci_class: cis for ci_class, cis in found.items() if cis}


def of_class(nodes: Sequence[Node], ci_class: str) -> list[int]:
    """The numbers of the CIs of one class that are there, in order."""
    pairs, sorts = sorts_of(nodes)
    wanted = {number for number, pair in enumerate(pairs) if pair[0] == ci_class and _is_there(pair)}
    return [ci for ci, sort in enumerate(sorts) if sort in wanted]


def _is_there(pair: Pair) -> bool:
    return Node("", pair[0], "", pair[1], NO_PARENT, NONE).is_there
