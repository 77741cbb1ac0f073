"""Keeping the topology of a server current: it follows the ledger, whoever writes to it."""

from __future__ import annotations

import threading
import time

import structlog

from cmdb.errors import CmdbError
from cmdb.reconcile.belief import sure_by
from cmdb.store.protocol import GraphStore
from cmdb.topology import Gap, Topology

log = structlog.get_logger()
POLL_S = 0.5  # commits of other processes are seen within a second
BATCH = 100
WORDS_S = 60  # what is in doubt is judged again so often


def reload_topology(store: GraphStore, topology: Topology) -> None:
    """Read the whole graph into a topology; once more where somebody committed meanwhile."""
    while True:
        head = store.head()
        topology.load(store.scan_cis(), store.scan_relationships(), head.sequence, head.at)
        if store.head().sequence == head.sequence:
            return


def judge_words(store: GraphStore, topology: Topology) -> None:
    """Find out which relationships are in doubt by now: time passes, and origins speak without a commit."""
    now, policy = time.time_ns() // 1_000_000, topology.policy.model.policy
    silent = {due.origin: due.last_seen for due in store.targets_due(now - policy.first_unsure())}
    topology.judge_words(sure_by(policy), now, silent)


class Follower:
    """Applies new commits to a topology: at once when told to, and every half second by itself.

    Where the feed has a gap the topology is built anew. What is in doubt is judged again now and then: that changes
    without a commit.
    """

    def __init__(self, store: GraphStore, topology: Topology) -> None:
        self._store, self._topology = store, topology
        self._gate = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="topology-follower", daemon=True)

    def catch_up(self) -> None:
        """Apply all commits that the topology lacks. Raises Unreachable if the store does not answer."""
        with self._gate:
            while commits := self._store.commits(self._topology.sequence, BATCH):
                try:
                    for commit in commits:
                        self._topology.apply(commit.sequence, commit.at, commit.changes())
                except Gap:
                    log.warning("gap in the change feed, the topology is read anew", have=self._topology.sequence)
                    reload_topology(self._store, self._topology)

    def start(self) -> None:
        """Begin to follow in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; returns when the background thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        failed, judged = False, time.monotonic()
        while not self._stop.wait(POLL_S):
            try:
                self.catch_up()
                if time.monotonic() - judged >= WORDS_S:
                    judge_words(self._store, self._topology)
                    judged = time.monotonic()
                failed = False
            except CmdbError as error:
                if not failed:
                    log.warning("the topology can't follow the ledger", error=str(error))
                failed = True
