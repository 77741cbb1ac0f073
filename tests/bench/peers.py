"""Plain reachability in graph libraries, on the graph of a snapshot: its cost, and how much it reports too much."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

from cmdb.impact import engine
from cmdb.model.registry import load_model
from cmdb.topology import Topology
from cmdb.topology.kept import restore
from cmdb.topology.live import ci_of

SORTS = ("core", "switch", "pdu", "ups", "rack", "host", "cluster")
QUESTIONS = 60

Count = Callable[[int], int]


def peers(file: Path) -> None:
    """Ask each library that is there (extra `bench`) for all that is downstream of some infrastructure CIs."""
    topology = Topology(load_model())
    restore(topology, file, str)
    edges = list(_downstream(topology))
    count = len(topology.facts.nodes)
    cis = _infrastructure(topology)
    down = {ci: sum(literal >= 0 for literal in engine.fail(topology.live, (ci,)).trail) for ci in cis}
    print(f"one infrastructure CI, plain reachability over {len(edges):,} edges")
    for name, build in (("rustworkx", _rustworkx), ("igraph", _igraph), ("networkx", _networkx)):
        try:
            library = import_module(name)
        except ImportError:
            print(f"  {name} is not installed")
            continue
        reach = build(library, count, edges)
        spent, found = [], {}
        for ci in cis:
            start = time.thread_time()
            found[ci] = reach(ci)
            spent.append((time.thread_time() - start) * 1e6)
        cuts = quantiles(spent, n=100)
        print(f"  {name:<12} p50 {cuts[49]:>9,.0f}   p99 {cuts[98]:>11,.0f} µs", end="")
        print(f"; reports {sum(found.values()) / sum(down.values()):.1f} times as many CIs as are down")


def _infrastructure(topology: Topology) -> list[int]:
    by_sort: dict[str, list[int]] = {}
    for ci, node in enumerate(topology.facts.nodes):
        by_sort.setdefault(node.name.rpartition("-")[0], []).append(ci)
    rng = Random(7)
    return [ci for sort in SORTS for ci in rng.sample(by_sort[sort], min(QUESTIONS, len(by_sort[sort])))]


def _downstream(topology: Topology) -> Iterator[tuple[int, int]]:
    """Who relies on whom, requirements and cables taken for plain edges."""
    for group in topology.live.groups.values():
        for literal, _ in group.providers:
            yield ci_of(literal), group.owner
    for plane in topology.live.planes:
        for ci, above in plane.parent.items():
            if above >= 0:
                yield above, ci


def _rustworkx(library: Any, count: int, edges: list[tuple[int, int]]) -> Count:
    graph = library.PyDiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from_no_data(edges)
    return lambda ci: 1 + len(library.descendants(graph, ci))


def _igraph(library: Any, count: int, edges: list[tuple[int, int]]) -> Count:
    graph = library.Graph(n=count, edges=edges, directed=True)
    return lambda ci: len(graph.subcomponent(ci, mode="out"))


def _networkx(library: Any, count: int, edges: list[tuple[int, int]]) -> Count:
    graph = library.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(edges)
    return lambda ci: 1 + len(library.descendants(graph, ci))
