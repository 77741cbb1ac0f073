"""What a question may cost, counted: rows and edges that are looked at, whatever the size of the estate."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.impact.engine import Cascade, fail
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from tests.bench.estate import Made, make

SORTS = ("host", "switch", "pdu", "machine", "software")


class Counted(dict[int, Any]):
    """A table that notes which rows are read, and how long they are."""

    rows, entries = 0, 0

    def __getitem__(self, key: int) -> Any:
        return self._noted(super().__getitem__(key))

    def get(self, key: int, default: Any = None) -> Any:
        return self._noted(super().get(key, default))

    def _noted(self, row: Any) -> Any:
        self.rows, self.entries = self.rows + 1, self.entries + len(row)
        return row


def counted(size: int) -> tuple[Topology, Made, Counted, Counted]:
    made, topology = make(size), Topology(load_model())
    topology.load(made.cis, made.relationships, 1)
    serves, edges = Counted(topology.live.serves), Counted(topology.fabric.edges)
    topology.live.serves, topology.fabric.edges = serves, edges
    return topology, made, serves, edges


def cascades(topology: Topology, ids: list[str]) -> list[Cascade]:
    return [fail(topology.live, [topology.facts.numbers[id_]]) for id_ in ids]


@pytest.mark.parametrize("sort", SORTS)
def test_a_failure_costs_what_it_touches(sort: str) -> None:
    topology, made, serves, edges = counted(3_000)
    for id_ in made.sorts[sort][:20]:
        serves.rows = serves.entries = edges.rows = edges.entries = 0
        (run,) = cascades(topology, [id_])

        assert serves.rows == len(run.trail)  # each literal that falls is looked up once
        assert serves.entries >= len(run.loss)
        # the CIs that fell and those that moved: below whom they hang, and where else they may
        assert edges.rows <= 3 * (len(run.trail) + len(run.moved))


@pytest.mark.parametrize("sort", ["host", "switch", "pdu"])
def test_a_larger_estate_costs_no_more(sort: str) -> None:
    spent = []
    for size in (2_000, 8_000):
        topology, made, serves, edges = counted(size)
        ids = made.sorts[sort][:10]
        trails = sum(len(run.trail) for run in cascades(topology, ids))
        spent.append((serves.rows + edges.entries) / trails)

    assert spent[1] < 1.5 * spent[0]
