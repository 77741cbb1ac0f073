"""Starting from the snapshot of a topology, and keeping it fresh while a server runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog

from cmdb.entrypoints.follower import Follower, judge_words, reload_topology
from cmdb.errors import CmdbError
from cmdb.impact.fixpoint import mirror_of
from cmdb.store.protocol import GraphStore
from cmdb.topology import Topology
from cmdb.topology.kept import LedgerHash, is_heavy, restore, save
from cmdb.topology.snapshot import Unusable

log = structlog.get_logger()

SNAPSHOT = "topology.snapshot"  # in the data directory
REST = 100  # it rests that many times as long as it took: the topology is held while it is copied


def open_topology(store: GraphStore, topology: Topology, file: Path) -> str:
    """Bring a topology to the head of the ledger: from its snapshot, else from the whole graph.

    Returns why the snapshot was of no use, "" if it was.
    """
    why = ""
    try:
        restore(topology, file, ledger_hashes(store))
    except Unusable as error:
        why = str(error)
        reload_topology(store, topology)
    Follower(store, topology).catch_up()
    judge_words(store, topology)
    return why


def ledger_hashes(store: GraphStore) -> LedgerHash:
    """Asks a store for the hash of a commit; "" where there is none."""

    def hash_of(sequence: int) -> str:
        found = store.commits(sequence - 1, 1)
        return found[0].hash if found and found[0].sequence == sequence else ""

    return hash_of


class Keeper:
    """Keeps the snapshot every so many seconds (0: never), if anything was committed, and at the end.

    A topology that lies in memory as a whole, as after a start without a snapshot, is then replaced by one that reads
    from the file what it needs.
    """

    def __init__(self, store: GraphStore, topology: Topology, file: Path, every_s: float, is_fresh: bool) -> None:
        self._store, self._topology, self._file, self._every_s = store, topology, file, every_s
        self._kept = topology.sequence if is_fresh else 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshot-keeper", daemon=True)

    def start(self) -> None:
        """Begin to keep it in the background: at once where there was none."""
        if self._every_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Keep it for the next start; returns when that is done."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._every_s > 0:
            self.once()

    def _run(self) -> None:
        took = self.keep() if not self._kept else 0.0
        while not self._stop.wait(max(self._every_s, REST * took)):
            took = self.keep()

    def keep(self) -> float:
        """Keep it, and have a heavy one read from there; returns the seconds that took."""
        began = time.monotonic()
        self.once()
        if is_heavy(self._topology) and not self._stop.is_set():
            self._lighten()
        return time.monotonic() - began

    def once(self) -> None:
        """Keep it now, if anything was committed since; what goes wrong is logged, and the next start takes longer."""
        sequence = self._topology.sequence
        if sequence == self._kept:
            return
        try:
            size = save(self._topology, self._file, ledger_hashes(self._store))
        except (CmdbError, OSError, ValueError, OverflowError) as error:
            log.warning("the snapshot of the topology could not be kept", file=str(self._file), error=str(error))
        else:
            self._kept = sequence
            log.debug("snapshot of the topology kept", sequence=sequence, bytes=size)

    def _lighten(self) -> None:
        """Put a topology over the snapshot in the place of the one in memory."""
        topology, fresh = self._topology, Topology(self._topology.policy.model)
        try:
            restore(fresh, self._file, ledger_hashes(self._store))
            if (mirror := mirror_of(fresh.live)) is not None:
                mirror.arrays()
            Follower(self._store, fresh).catch_up()
        except CmdbError as error:
            log.warning("the topology stays in memory as a whole", error=str(error))
            return
        with topology.lock:
            if fresh.sequence >= topology.sequence:
                topology.take(fresh.facts, fresh.live, fresh.fabric, fresh.witnesses, fresh.sequence, fresh.at)
