"""What the server serves: the parts that the wiring puts together once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from cmdb.entrypoints.settings import Settings
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.service.alarm_rules import AlarmRules, built_in_rules
from cmdb.store.protocol import GraphStore
from cmdb.topology import Topology
from cmdb_graphql.guard import Limits


@dataclass(frozen=True)
class IngestLimits:
    """Limits of pushes; sizes are in bytes.

    `at_once` items are answered at once, more become a job. `waiting` pushes may stand in line, `jobs` jobs of
    `jobs_bytes` in all; either line counts as full at 80 %. `quarantine` items of `quarantined_bytes` are kept.
    """

    compressed_bytes: int = 10 * 2**20
    decompressed_bytes: int = 100 * 2**20
    ratio: int = 100
    items: int = 10_000
    item_bytes: int = 2**20
    depth: int = 64
    future_ms: int = 5 * 60_000
    at_once: int = 500
    waiting: int = 20
    jobs: int = 100
    jobs_bytes: int = 256 * 2**20
    per_minute: int = 60_000
    quarantine: int = 10_000
    quarantined_bytes: int = 256 * 1024


def ingest_limits(settings: Settings) -> IngestLimits:
    """The limits that the settings give."""
    return IngestLimits(
        compressed_bytes=settings.push_compressed_bytes,
        decompressed_bytes=settings.push_decompressed_bytes,
        ratio=settings.push_ratio,
        items=settings.push_items,
        item_bytes=settings.push_item_bytes,
        depth=settings.push_depth,
        at_once=settings.push_at_once,
        waiting=settings.push_waiting,
        jobs=settings.push_jobs,
        per_minute=settings.push_per_minute,
        quarantine=settings.quarantine_items,
    )


def _clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Services:
    """The parts behind the API.

    `catch_up` brings the topology to the head of the ledger; `hold` keeps writers of this process waiting; `migrated`
    says whether the store's schema is current. `hosts` are names that may stand in a Host header, beside loopback ones.
    `clock_ms` gives epoch milliseconds.
    """

    store: GraphStore
    model: Model
    topology: Topology
    ingest: Ingest
    limits: Limits = field(default_factory=Limits)
    ingest_limits: IngestLimits = field(default_factory=IngestLimits)
    catch_up: Callable[[], None] = lambda: None
    hold: Callable[[], AbstractContextManager[object]] = nullcontext
    migrated: Callable[[], bool] = lambda: True
    clock_ms: Callable[[], int] = _clock_ms
    spool: Path | None = None  # file of jobs and idempotency keys; None: in memory, lost at the end
    hosts: frozenset[str] = frozenset()
    alarm_rules: AlarmRules = field(default_factory=built_in_rules)
    readers: int = 4  # GraphQL requests executed at once: each is a thread, and all share one interpreter
