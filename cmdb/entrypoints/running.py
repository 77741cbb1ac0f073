"""A server with everything behind it: store, topology that follows the ledger, API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import structlog

from cmdb.entrypoints.alerts import link_alarms
from cmdb.entrypoints.discoverer import Discoverer
from cmdb.entrypoints.follower import Follower
from cmdb.entrypoints.keeper import Keeper, open_topology
from cmdb.entrypoints.rechecker import Rechecker
from cmdb.entrypoints.rounds import Rounds
from cmdb.entrypoints.scanner import Daily, Scanner
from cmdb.entrypoints.server import OnStart, listen, serve
from cmdb.entrypoints.services import Services, ingest_limits
from cmdb.entrypoints.settings import NEVER, Settings, minutes_of
from cmdb.entrypoints.sweeper import Sweeper
from cmdb.entrypoints.warmer import Warmer
from cmdb.entrypoints.wiring import FUTURE_MS, Wired, alarm_rules_of, clock_ms, wired
from cmdb.ingest import Ingest
from cmdb.service.alarm_records import Alarms
from cmdb.service.scans import Scans
from cmdb.service.statements import Statements
from cmdb.sweep import sweep
from cmdb.topology import Topology

log = structlog.get_logger()

SPOOL = "pushes.sqlite3"
LOOK_S = 30  # so often it is looked whether it is time for the scan of the day
SWEEPS = "cmdb"  # who sweeps, for the ledger


@contextmanager
def services(parts: Wired) -> Iterator[Services]:
    """The parts of a server on an open store; the topology follows the ledger until the context is left."""
    topology = Topology(parts.model)
    if why := open_topology(parts.store, topology, parts.snapshot):
        log.info("the topology was read from the store", why=why, sequence=topology.sequence)
    follower = Follower(parts.store, topology)
    ingest = Ingest(
        parts.store,
        parts.model,
        parts.ingest.clock_ms,
        parts.ingest.new_id,
        lambda _: follower.catch_up(),
        parts.ingest.control,
        FUTURE_MS,
        parts.ingest.role,
    )
    follower.start()
    if parts.policy_changed():
        log.warning(
            "the model changed since values were derived: run cmdb source rederive", version=parts.model.version
        )
    sweeper = Sweeper(lambda: sweep(ingest, ingest.clock_ms(), SWEEPS), parts.settings.sweep_every_s)
    sweeper.start()
    rechecker = Rechecker(Statements(ingest, topology), follower.catch_up, parts.settings.recheck_every_s)
    rechecker.start()
    warmer = Warmer(topology)
    warmer.start()
    keeper = Keeper(parts.store, topology, parts.snapshot, parts.settings.snapshot_every_s, is_fresh=not why)
    keeper.start()
    linking = Rounds("alarms", lambda: _link(ingest), parts.settings.recheck_every_s)
    linking.start()
    scans = Scans(ingest, parts.settings.scan_keep_days)
    scanner = Scanner(scans, topology, parts.topology, parts.settings.scan_time_s)
    scanning = _scanning(scanner, scans, parts.settings.scan_at)
    scanning.start()
    try:
        yield Services(
            parts.store,
            parts.model,
            topology,
            ingest,
            ingest_limits=ingest_limits(parts.settings),
            catch_up=follower.catch_up,
            hold=ingest.hold,
            spool=parts.settings.data_dir / SPOOL,
            alarm_rules=alarm_rules_of(parts.settings),
        )
    finally:
        warmer.stop()
        scanner.stop()
        scanning.stop()
        linking.stop()
        rechecker.stop()
        sweeper.stop()
        follower.stop()
        keeper.stop()


def _scanning(scanner: Scanner, scans: Scans, at: str) -> Rounds:
    """The scan of the day, at a time of day or never."""
    if at == NEVER:
        return Rounds("scans", lambda: None, 0)
    return Rounds("scans", Daily(scanner, scans, minutes_of(at)).once, LOOK_S)


def _link(ingest: Ingest) -> None:
    """Tie alarms to CIs that appeared."""
    if found := link_alarms(Alarms(ingest), ingest.store, ingest.model):
        log.info("alarms were tied to CIs that appeared", alarms=found)


def run(settings: Settings, on_start: OnStart) -> None:
    """Serve until told to stop. The port is taken before anything else starts."""
    listening = listen(settings.host, settings.port)
    with closing(listening), wired(settings, own=True) as parts, services(parts) as behind:
        discoverer = Discoverer(parts, behind.ingest, clock_ms)
        discoverer.start()
        try:
            serve(behind, listening, on_start)
        finally:
            discoverer.stop()
