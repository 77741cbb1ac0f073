"""A discovery run: what collectors find goes to ingest in batches, failures are kept, progress is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import structlog

from cmdb.entrypoints.exits import DONE, NOTHING_ANSWERED, PARTIAL
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.visits import Seen, Visit, Visits, after, visits_in
from cmdb.entrypoints.wiring import Wired, clock_ms, new_id
from cmdb.observation import Report
from cmdb.reachability import Reach, note_reached
from cmdb.recall import recall
from cmdb.reconcile.draft import Problem
from cmdb.store.protocol import RunRecord, TargetOutcome
from cmdb.sweep import sweep
from collectors.crawl import Frontier, discover_crawling
from collectors.discover import Bounds, State, Target, TargetResult, Told
from collectors.kinds import EVERYTHING, Kind
from collectors.live import discover_live
from collectors.relations import related
from collectors.scopes import TargetSpec
from collectors.targets import LiveTarget
from collectors.transport.sweep import Sweeping

log = structlog.get_logger()
NO_WAY_IN = ("WRONG_CREDENTIAL", "DENIED", "HOST_KEY_CHANGED", "NO_SHELL")  # it answers, and nothing opens it
MOST_RESULTS = 500  # that wait to be written, however little they told
RELATED = frozenset((Kind.NEIGHBOURS, Kind.FORWARDING))  # kinds of visits that tell how devices hang together


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


@dataclass(frozen=True)
class Errand:
    """What a run is for: who asks, why (for the ledger), and what is read.

    `whole` says that the targets are all there are in their scopes: only then do forwarding tables tell where
    something is, since a bridge that was not asked may stand between. `scopes` are those whose schedules it serves.
    """

    actor: str
    reason: str
    whole: bool = True
    kinds: frozenset[Kind] = EVERYTHING
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Following:
    """How a run goes on from neighbour to neighbour: what to ask next, and the targets that specs mean."""

    frontier: Frontier
    make: Callable[[Iterable[TargetSpec]], Sequence[LiveTarget]]


async def discover_into(
    parts: Wired,
    targets: Iterable[Target],
    progress: Progress,
    errand: Errand,
    tell: Callable[[], None],
    following: Following | None = None,
) -> None:
    """Discover targets and take in what they say; the run and how each target ended are kept in the store."""
    started, id_ = clock_ms(), new_id()
    began = parts.ingest.clock_ms()
    finished = False
    if parts.policy_changed():
        log.warning(
            "the model changed since values were derived: run cmdb source rederive", version=parts.model.version
        )
    with visits_in(parts.settings.data_dir) as visits:
        run = _Run(parts, progress, errand, tell, visits)
        try:
            async with aclosing(run.results(list(targets), following)) as results:
                told = await run.take(results)
            if errand.kinds & RELATED:
                await asyncio.to_thread(run.relate, told)
            if errand.whole and progress.done == progress.total:
                await asyncio.to_thread(_note_reached, parts, id_, progress, errand)
            await asyncio.to_thread(_sweep, parts, progress, errand)
            visits.forget(parts.ingest.clock_ms())
            finished = True
        finally:
            complete = finished and progress.done == progress.total
            outcomes = tuple(progress.outcomes)
            parts.store.save_run(RunRecord(id_, errand.reason, errand.actor, started, clock_ms(), complete, outcomes))
        for scope in errand.scopes:
            visits.begin(scope, errand.kinds, began)


class _Run:
    """What a run keeps in hand: the targets by name, the visits before it, and what is not written yet."""

    def __init__(
        self, parts: Wired, progress: Progress, errand: Errand, tell: Callable[[], None], visits: Visits
    ) -> None:
        self._parts, self._progress, self._errand, self._tell = parts, progress, errand, tell
        self._visits, self._known = visits, visits.all()
        self._targets: dict[str, Target] = {}

    def results(self, targets: Sequence[Target], following: Following | None) -> AsyncGenerator[TargetResult, None]:
        """Visit the targets, and those that follow from them."""
        self._targets = {target.name: target for target in targets}
        bounds, sweeping = bounds_of(self._parts.settings)
        if following is None:
            return discover_live(targets, bounds, sweeping)
        make = following.make

        def more(specs: Sequence[TargetSpec]) -> Sequence[Target]:
            found = make(specs)
            self._targets |= {target.name: target for target in found}
            self._progress.total += len(found)
            return found

        return discover_crawling(targets, following.frontier, more, bounds, sweeping)

    async def take(self, results: AsyncIterator[TargetResult]) -> list[Told]:
        """Take results in as they come, in batches, and give what was told.

        Cancelling it keeps what was committed and writes what is complete.
        """
        everything: list[Told] = []
        batch: list[TargetResult] = []
        size = 0
        try:
            async for result in results:
                self._count(result)
                batch.append(result)
                for told in result.told:
                    everything += [] if told.is_same else [told]
                    size += 1 + len(told.report.observations)
                if size >= self._parts.settings.batch_observations or len(batch) >= MOST_RESULTS:
                    await asyncio.to_thread(self._keep, batch)
                    batch, size = [], 0
                self._tell()
        finally:
            if batch:
                await asyncio.shield(asyncio.to_thread(self._keep, batch))
                self._tell()
        return everything

    def _count(self, result: TargetResult) -> None:
        progress = self._progress
        progress.states[result.state] += 1
        if result.target not in self._targets:
            progress.total += 1  # what a run says of itself
        if (reach := reach_of(result)) is not None:
            progress.reached[result.target] = reach
        if result.state is not State.OK and result.state is not State.SILENT:
            progress.outcomes.append(outcome_of(result))

    def _keep(self, batch: Sequence[TargetResult]) -> None:
        """Write what was told, then note the visits: who is noted as visited is in the graph."""
        reports = [told.report for result in batch for told in result.told if not told.is_same]
        if reports:
            _write(self._parts, reports, self._progress, self._errand)
        at = self._parts.ingest.clock_ms()
        made = [self._visit(result, at) for result in batch if result.target in self._targets]
        found = {visit.target: visit for visit in made if visit is not None}
        self._visits.note(found.values())
        self._known |= found

    def _visit(self, result: TargetResult, at: int) -> Visit | None:
        target = self._targets.get(result.target)
        seen = Seen(target.spec.scope, *target.worked) if isinstance(target, LiveTarget) else Seen()
        return after(self._known.get(result.target), result, at, seen)

    def relate(self, told: Sequence[Told]) -> None:
        """Work out how what was told hangs together, and take that in.

        A run that reads neighbours by themselves says nothing of devices whose neighbours are the same as before:
        others know more of their cables.
        """
        parts, whole = self._parts, self._errand.whole and Kind.FORWARDING in self._errand.kinds
        is_partial = Kind.FORWARDING not in self._errand.kinds
        settled = {(t.report.source, t.report.target) for t in told if is_partial and self._is_same_around(t)}
        batch: list[Report] = []
        size = 0
        for report in related(told, whole, lambda keys: recall(parts.store, parts.model, keys)):
            if (report.source, report.target) in settled:
                continue
            batch.append(report)
            size += len(report.observations)
            if size >= parts.settings.batch_observations:
                _write(parts, batch, self._progress, self._errand)
                batch, size = [], 0
        if batch:
            _write(parts, batch, self._progress, self._errand)
        self._note_around(told)

    def _is_same_around(self, told: Told) -> bool:
        known = self._known.get(told.report.target)
        return known is not None and bool(told.around) and known.around == told.around

    def _note_around(self, told: Sequence[Told]) -> None:
        noted = [
            replace(self._known[t.report.target], around=t.around)
            for t in told
            if t.around and t.report.target in self._known
        ]
        self._visits.note(noted)


def bounds_of(settings: Settings) -> tuple[Bounds, Sweeping]:
    """The limits of runs that the settings give."""
    bounds = Bounds(settings.in_flight, settings.in_flight_per_subnet, float(settings.device_time_s))
    return bounds, Sweeping(settings.sweep_packets_per_s, settings.sweep_packets_per_subnet_s)


def reach_of(result: TargetResult) -> Reach | None:
    """Whether a target answered; None where that can't be told, as with a visit that took too long."""
    if result.told:
        return "reachable"
    if result.reason in NO_WAY_IN:
        return "access_lost"
    return "unreachable" if result.stage == "probe" and result.reason in ("TIMEOUT", "REFUSED") else None


def _note_reached(parts: Wired, run_id: str, progress: Progress, errand: Errand) -> None:
    """Keep which known targets answered, since the run was one of whole scopes and complete."""
    limit = parts.settings.shrink_limit
    noted = note_reached(parts.ingest, progress.reached, run_id, errand.actor, errand.reason, limit)
    progress.sequence, progress.commits = noted.sequence, progress.commits + noted.commits
    if noted.asked:
        progress.asked = run_id
        log.warning("much of the scope is silent, nothing is believed of it", run=run_id, limit_percent=limit)


def _sweep(parts: Wired, progress: Progress, errand: Errand) -> None:
    """See what became missing, since this run has counted too."""
    done = sweep(parts.ingest, clock_ms(), errand.actor, f"sweep after {errand.reason}")
    progress.sequence = done.sequence
    progress.commits += done.commits
    progress.changes += done.stale + done.missing + done.retired + done.ended


def _write(parts: Wired, batch: Sequence[Report], progress: Progress, errand: Errand) -> None:
    done = parts.ingest.run(batch, errand.actor, errand.reason)
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
