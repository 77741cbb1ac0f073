"""Topologies of the past, read when they are asked for and kept while they may be asked for again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from cmdb.model.registry import Model
from cmdb.store.protocol import GraphStore, Moment
from cmdb.topology.graph import Topology
from cmdb.topology.witnesses import IsSure

MOST = 2  # each is as large as that of the present


class PastTopologies:
    """The topologies of the moments asked for last. Safe from several threads; one is read at a time.

    `is_sure` says which relationships were in doubt then; without it none is.
    """

    def __init__(self, store: GraphStore, model: Model, most: int = MOST, is_sure: IsSure | None = None) -> None:
        self._store, self._model, self._most, self._is_sure = store, model, most, is_sure
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Topology] = OrderedDict()

    def at(self, moment: Moment) -> Topology:
        """The topology after a commit. What is past stays as it is, so it is never read again while it is kept."""
        with self._lock:
            topology = self._kept.pop(moment.sequence, None)
            if topology is None:
                topology = Topology(self._model)
                cis, relationships = self._store.scan_cis(moment.at), self._store.scan_relationships(moment.at)
                topology.load(cis, relationships, moment.sequence, moment.at)
                if self._is_sure is not None:
                    topology.judge_words(self._is_sure, moment.at)
            self._kept[moment.sequence] = topology
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return topology
