"""Scans: bounds checked, done in turns within the time of the request, references made readable."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from cmdb.errors import Invalid, NotFound
from cmdb.impact.asked import MOST_ENTRIES
from cmdb.impact.cuts import MOST_CUTS, MOST_SERVICES, MOST_SIZE, cut_sets
from cmdb.impact.start import cold_start
from cmdb.impact.turns import Overtaken, Rest, TimeIsUp
from cmdb_graphql.common import make
from cmdb_graphql.context import Reading
from cmdb_graphql.errors import BadInput, Moved, TimedOut
from cmdb_graphql.prefetch import fill_refs
from cmdb_graphql.scan_types import ColdStart, ColdStartInput, CutSets, CutSetsInput
from cmdb_graphql.selection import Selection

PAUSE_S = 0.0005  # long enough for whoever waits for the topology to get it
KEPT = 0.2  # share of the time of a request that is left to make the answer


def cut_sets_answer(reading: Reading, given: CutSetsInput, selection: Selection) -> CutSets:
    """The minimal cut sets of some CIs at the sequence of the whole answer."""
    services = list(map(str, given.services))
    _check("input.services", "of them", len(services), MOST_SERVICES)
    _check("input.maxSize", "", given.max_size, MOST_SIZE)
    _check("input.first", "", given.first, MOST_CUTS)
    topology = reading.topology
    with _asked("input.services"):
        found = cut_sets(topology, services, given.max_size, first=given.first, rest=_rest(reading))
    reading.at(found.sequence)
    below = selection.below("cuts")
    fill_refs(reading, [cut.service.id for cut in found.cuts], below.below("service"))
    fill_refs(reading, [ref.id for cut in found.cuts for ref in cut.members], below.below("members"))
    return found  # type: ignore[return-value]  # it has the fields of CutSets


def cold_start_answer(reading: Reading, given: ColdStartInput, selection: Selection) -> ColdStart:
    """The start-up plan at the sequence of the whole answer; raises TimedOut where it takes too long."""
    _check("input.first", "", given.first, MOST_ENTRIES)
    within = given.within if isinstance(given.within, str) else ""
    topology = reading.topology
    try:
        with _asked("input.within"):
            found = cold_start(topology, within, given.first, _rest(reading))
    except TimeIsUp:
        raise TimedOut(
            f"the plan took longer than {reading.limits.timeout_s:g} s; ask for a part of the estate with within"
        ) from None
    reading.at(found.sequence)
    deadlocked = [d.ci for d in found.deadlocked]
    fill_refs(reading, [step.ci.id for step in found.steps], selection.below("steps", "ci"))
    fill_refs(reading, [ref.id for ref in deadlocked], selection.below("deadlocked"))
    plan: ColdStart = make(
        ColdStart, sequence=found.sequence, truncated=found.truncated, steps=list(found.steps), deadlocked=deadlocked
    )
    return plan


def _rest(reading: Reading) -> Rest:
    """Let others have the topology between turns, and end the scan while there is time to answer."""
    limit = reading.deadline - KEPT * reading.limits.timeout_s

    def rest() -> bool:
        time.sleep(PAUSE_S)
        return reading.clock() < limit

    return rest


@contextmanager
def _asked(argument: str) -> Iterator[None]:
    """Errors of a scan as errors of the request: a commit in between means to read again."""
    try:
        yield
    except Overtaken as error:
        raise Moved(str(error)) from error
    except (NotFound, Invalid) as error:
        raise BadInput(argument, f"{argument}: {error}") from error


def _check(argument: str, of: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise BadInput(argument, f"{argument}: {' '.join(filter(None, (f'1 to {most:,}', of)))}, not {value:,}")
