"""A discovery run: what collectors find goes to ingest in batches, failures are kept, progress is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from cmdb.entrypoints.exits import DONE, NOTHING_ANSWERED, PARTIAL
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.wiring import Wired, clock_ms, new_id
from cmdb.errors import UsageError
from cmdb.observation import Report
from cmdb.reachability import Reach, note_reached
from cmdb.recall import recall
from cmdb.reconcile.draft import Problem
from cmdb.store.protocol import RunRecord, TargetOutcome
from cmdb.sweep import sweep
from collectors.approaches import OverCli, OverSsh, Work
from collectors.discover import Approach, Bounds, State, Target, TargetResult, Told
from collectors.facts import Facts
from collectors.hosts.read import read_host
from collectors.live import discover_live
from collectors.relations import related
from collectors.scopes import TargetSpec
from collectors.snmp.interpret import AROUND, interpret
from collectors.snmp.inventory_tables import INVENTORY_TABLES
from collectors.snmp.read import read_device
from collectors.snmp.reads import GROUPS, LAYERS, SURROUNDINGS, TABLES
from collectors.snmp.surroundings import surroundings
from collectors.targets import LiveTarget, Means, replay_targets
from collectors.transport.answers import Answers
from collectors.transport.client import Client
from collectors.transport.commands_recording import save_commands
from collectors.transport.host_replay import record_host
from collectors.transport.hostkeys import HostKeys
from collectors.transport.lockout import Lockout
from collectors.transport.network_cli import CliClient
from collectors.transport.network_replay import recording_of
from collectors.transport.record import record
from collectors.transport.recordings import find_all_recordings
from collectors.transport.session import SnmpSession, TransportFailure
from collectors.transport.ssh import SshClient

log = structlog.get_logger()
COLUMNS = {
    oid: f"{table.name}.{column}"
    for table in (*TABLES, *INVENTORY_TABLES, *LAYERS, *GROUPS, *SURROUNDINGS)
    for column, oid in table.columns.items()
}
NO_WAY_IN = ("WRONG_CREDENTIAL", "DENIED", "HOST_KEY_CHANGED", "NO_SHELL")  # it answers, and nothing opens it


@dataclass
class Progress:
    """Where a run stands. `total` is the number of targets; silent addresses of ranges are `absent`, not failures."""

    total: int
    states: Counter[str] = field(default_factory=Counter)
    sequence: int = 0
    commits: int = 0
    changes: int = 0
    outcomes: list[TargetOutcome] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    reached: dict[str, Reach] = field(default_factory=dict)  # whether targets answered, where that is known
    asked: str = ""  # run that asks whether so much of its scope may be believed to be silent

    @property
    def done(self) -> int:
        """Targets that are finished."""
        return self.states.total()

    def exit_code(self) -> int:
        """0: all targets were read; 6: some were not; 7: none answered."""
        bad = self.states[State.PARTIAL] + self.states[State.FAILED]
        if not bad:
            return DONE
        answered = self.states[State.OK] + self.states[State.PARTIAL]
        return PARTIAL if answered else NOTHING_ANSWERED


@contextmanager
def live(
    specs: Iterable[TargetSpec], settings: Settings, accept_new_host_keys: bool = False
) -> Iterator[list[LiveTarget]]:
    """Targets on the network, with one client a protocol for all, until the end of the block."""
    keys = HostKeys(settings.known_hosts or settings.data_dir / "known_hosts", accept_new_host_keys)
    # A password is tried once at a device, whoever logs in there.
    lockout, remembered = Lockout(), dict[str, str]()
    ssh = SshClient(keys, lockout=lockout, remembered=remembered)
    cli = CliClient(keys, lockout=lockout, remembered=remembered)
    means = Means(_work(), Client(), ssh, cli)
    try:
        yield [LiveTarget(spec, means) for spec in specs]
    finally:
        means.close()


def recorded(paths: Sequence[Path], targets_file: Path | None = None) -> list[Target]:
    """Targets that recordings answer for. Raises NotFound where there is none."""
    return list(replay_targets(*find_all_recordings(paths, targets_file), _work()))


def _work() -> Work:
    return Work(read_device, _interpret, clock_ms, COLUMNS, AROUND)


def _interpret(target: str, address: str, answers: Answers, at: int) -> tuple[Report, Facts]:
    return interpret(target, address, answers, at), surroundings(target, address, answers, at)


async def discover_into(
    parts: Wired,
    targets: Iterable[Target],
    progress: Progress,
    actor: str,
    reason: str,
    tell: Callable[[], None],
    whole: bool = True,
) -> None:
    """Discover targets and take in what they say; the run and how each target ended are kept in the store.

    `whole` says that the targets are all there are in their scopes: only then do forwarding tables tell where
    something is, since a bridge that was not asked may stand between.
    """
    started, id_ = clock_ms(), new_id()
    finished = False
    if parts.policy_changed():
        log.warning(
            "the model changed since values were derived: run cmdb source rederive", version=parts.model.version
        )
    try:
        async with aclosing(discover_live(targets, Bounds(in_flight=parts.settings.in_flight))) as results:
            told = await run(parts, results, progress, actor, reason, tell)
        await asyncio.to_thread(_relate, parts, told, whole, progress, actor, reason)
        if whole and progress.done == progress.total:
            await asyncio.to_thread(_note_reached, parts, id_, progress, actor, reason)
        await asyncio.to_thread(_sweep, parts, progress, actor, reason)
        finished = True
    finally:
        complete = finished and progress.done == progress.total
        record = RunRecord(id_, reason, actor, started, clock_ms(), complete, tuple(progress.outcomes))
        parts.store.save_run(record)


async def run(
    parts: Wired,
    results: AsyncIterator[TargetResult],
    progress: Progress,
    actor: str,
    reason: str,
    tell: Callable[[], None],
) -> list[Told]:
    """Take results in as they come, in batches, and give what was told.

    Cancelling it keeps what was committed and writes what is complete.
    """
    everything: list[Told] = []
    batch: list[Report] = []
    size = 0
    try:
        async for result in results:
            progress.states[result.state] += 1
            if (reach := reach_of(result)) is not None:
                progress.reached[result.target] = reach
            if result.state is not State.OK and result.state is not State.SILENT:
                progress.outcomes.append(outcome_of(result))
            for told in result.told:
                everything.append(told)
                batch.append(told.report)
                size += len(told.report.observations)
            if size >= parts.settings.batch_observations:
                await asyncio.to_thread(_write, parts, batch, progress, actor, reason)
                batch, size = [], 0
            tell()
    finally:
        if batch:
            await asyncio.shield(asyncio.to_thread(_write, parts, batch, progress, actor, reason))
            tell()
    return everything


def _relate(parts: Wired, told: Sequence[Told], whole: bool, progress: Progress, actor: str, reason: str) -> None:
    """Work out how what was told hangs together, and take that in."""
    batch: list[Report] = []
    size = 0
    for report in related(told, whole, lambda keys: recall(parts.store, parts.model, keys)):
        batch.append(report)
        size += len(report.observations)
        if size >= parts.settings.batch_observations:
            _write(parts, batch, progress, actor, reason)
            batch, size = [], 0
    if batch:
        _write(parts, batch, progress, actor, reason)


def reach_of(result: TargetResult) -> Reach | None:
    """Whether a target answered; None where that can't be told, as with a visit that took too long."""
    if result.told:
        return "reachable"
    if result.reason in NO_WAY_IN:
        return "access_lost"
    return "unreachable" if result.stage == "probe" and result.reason in ("TIMEOUT", "REFUSED") else None


def _note_reached(parts: Wired, run_id: str, progress: Progress, actor: str, reason: str) -> None:
    """Keep which known targets answered, since the run was one of whole scopes and complete."""
    limit = parts.settings.shrink_limit
    noted = note_reached(parts.ingest, progress.reached, run_id, actor, reason, limit)
    progress.sequence, progress.commits = noted.sequence, progress.commits + noted.commits
    if noted.asked:
        progress.asked = run_id
        log.warning("much of the scope is silent, nothing is believed of it", run=run_id, limit_percent=limit)


def _sweep(parts: Wired, progress: Progress, actor: str, reason: str) -> None:
    """See what became missing, since this run has counted too."""
    done = sweep(parts.ingest, clock_ms(), actor, f"sweep after {reason}")
    progress.sequence = done.sequence
    progress.commits += done.commits
    progress.changes += done.stale + done.missing + done.retired + done.ended


def _write(parts: Wired, batch: list[Report], progress: Progress, actor: str, reason: str) -> None:
    done = parts.ingest.run(batch, actor, reason)
    progress.sequence = done.sequence
    progress.commits += done.committed
    progress.changes += len(done.change_set.changes)
    progress.problems += done.problems
    for problem in done.problems:
        where = {"origin": problem.origin, "path": problem.path, "field": problem.field}
        log.warning("not taken", **where, message=problem.message)


def outcome_of(result: TargetResult) -> TargetOutcome:
    """What a person wants to know of a target that did not go well."""
    return TargetOutcome(result.target, result.state.value, result.stage, result.reason, result.detail)


def record_target(
    specs: Sequence[TargetSpec], folder: Path, settings: Settings, accept_new_host_keys: bool = False
) -> list[Path]:
    """Read live targets and write their raw answers as recordings; returns the files. Raises TransportFailure.

    Raises UsageError where the folder can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} can't be the folder of recordings: {error.strerror}") from error
    with live(specs, settings, accept_new_host_keys) as targets:
        return asyncio.run(_record(targets, folder))


async def _record(targets: Sequence[LiveTarget], folder: Path) -> list[Path]:
    written: list[Path] = []
    failures: list[TransportFailure] = []
    for target in targets:
        told: list[Told] = []
        for approach in target.approaches:
            try:
                if await approach.is_needed(told):
                    written += await _keep(target, approach, told, folder)
            except TransportFailure as failure:
                failures.append(failure)
    if failures and not written:
        raise failures[0]
    for lacking in failures:
        log.warning("not recorded", target=lacking.target, reason=lacking.reason, detail=lacking.detail)
    return written


async def _keep(target: LiveTarget, approach: Approach, told: list[Told], folder: Path) -> list[Path]:
    """Write what a target answers by one protocol; what its agent says is told, for it decides on the login."""
    if isinstance(approach, OverCli):
        address, answers = await approach.read(told, Bounds().budget_s)
        return [save_commands(folder, target.name, address, recording_of(answers), target.secrets())]
    if isinstance(approach, OverSsh):
        return [await record_host(target, read_host, folder)]
    read: list[tuple[str, Answers]] = []

    async def reading(session: SnmpSession) -> None:
        read.append((session.address, await read_device(session)))

    written = await record(target, reading, folder)
    try:
        told += [Told(*_interpret(target.name, address, answers, clock_ms())) for address, answers in read]
    except Exception:
        # Devices that are not understood are those that are recorded.
        log.exception("recorded, and not understood", target=target.name)
    return written
