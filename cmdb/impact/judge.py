"""From seeds to states: who is down, ill, at risk or to be tested again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cmdb.impact.answer import STATES, State
from cmdb.impact.engine import Cascade
from cmdb.impact.fixpoint import fail
from cmdb.topology.facts import Facts
from cmdb.topology.live import WAIVED, Group, Live, ci_of, conn, plane_of
from cmdb.topology.plane import LAN
from cmdb.topology.policy import INSTALLED_ON

RANK = {state: number for number, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Seeds:
    """CIs by what happens to them, in the order given."""

    down: tuple[int, ...] = ()
    maintenance: tuple[int, ...] = ()
    degraded: tuple[int, ...] = ()
    release: tuple[int, ...] = ()
    pinned: frozenset[int] = frozenset()


@dataclass(slots=True)
class Verdict:
    """What the seeds do.

    `down` is the cascade of function, `ill` goes on from it and judges health. `risks` are weakened groups of owners
    that are still healthy. `retest` maps a CI to the one it was reached from, -1 for what is released. `states` has
    the worst state of each impacted CI.
    """

    seeds: Seeds
    down: Cascade
    ill: Cascade
    risks: list[Group]
    retest: dict[int, int]
    states: dict[int, State]


def judge(facts: Facts, live: Live, seeds: Seeds, uses: Live | None = None) -> Verdict:
    """Judge seeds. `uses` tells who uses what is released, and who needs which path, if not `live`."""
    pinned = seeds.pinned
    down = fail(live, (*seeds.down, *seeds.maintenance), pinned)
    ill = health(live, seeds, down)
    risks = [
        group
        for group, loss in down.loss.items()
        if loss > 0 and group.on_loss == "AT_RISK" and group.slack < WAIVED and group.owner not in ill.cause
        if group.owner not in pinned
    ]
    retest = _retest(facts, uses or live, seeds.release)
    verdict = Verdict(seeds, down, ill, risks, retest, {})
    _name_states(verdict, live, uses or live)
    return verdict


def health(live: Live, seeds: Seeds, down: Cascade) -> Cascade:
    """Go on from what is down to what is not healthy; the same cascade where nothing follows."""
    weakened = [
        group
        for group, loss in down.loss.items()
        if loss > 0 and group.on_loss == "DEGRADED" and group.slack < WAIVED and group.owner not in down.cause
    ]
    breaks = any(loss > group.ill_slack and group.owner not in down.cause for group, loss in down.loss.items())
    if not (seeds.degraded or weakened or breaks):
        return Cascade([], down.cause, down.loss, down.moved, down.islands)
    return fail(live, seeds.degraded, seeds.pinned, after=down, ill=True, weakened=weakened)


def needs_path(live: Live, literal: int) -> bool:
    """Whether it is worth telling that a CI lost its connectivity: in the LAN always, else if somebody needs that."""
    return live.planes[plane_of(literal)].name == LAN or bool(live.serves.get(literal))


def _name_states(verdict: Verdict, live: Live, uses: Live) -> None:
    seeds, states = verdict.seeds, verdict.states
    unplanned = fail(live, seeds.down, seeds.pinned).cause if seeds.maintenance and seeds.down else verdict.down.cause
    windows = set(seeds.maintenance)

    def worsen(ci: int, state: State) -> None:
        if ci not in states or RANK[state] < RANK[states[ci]]:
            states[ci] = state

    for literal in verdict.down.trail:
        if literal < 0:
            cause = verdict.down.cause[literal]
            is_cut_off = isinstance(cause, int) and cause >= 0 and ci_of(literal) not in verdict.down.cause
            if is_cut_off and needs_path(uses, literal):
                worsen(ci_of(literal), "ISOLATED")
        elif not seeds.maintenance or (seeds.down and literal in unplanned):
            states[literal] = "DOWN"
        else:
            states[literal] = "MAINTENANCE" if literal in windows else "DOWN_PLANNED"
    for literal in verdict.ill.trail:
        if literal >= 0:
            worsen(literal, "DEGRADED")
    for group in verdict.risks:
        worsen(group.owner, "AT_RISK")
    for ci in verdict.retest:
        worsen(ci, "TO_RETEST")


def _retest(facts: Facts, live: Live, released: Iterable[int]) -> dict[int, int]:
    """All that relies on what is released, over requirements and installations, nearest first.

    Requirements of connectivity count by the transit CI they name; whatever lies behind it in a plane does not, or
    a new version of one switch would mean to test the whole site.
    """
    reached = dict.fromkeys(released, -1)
    queue = list(reached)
    for ci in queue:
        literals = [ci] + [conn(plane.number, ci) for plane in live.planes if ci in plane.watched]
        users = [group.owner for literal in literals for group in live.serves.get(literal, ())]
        hosts = [far for type_, far, _ in facts.ends.get(ci, ()) if type_ == INSTALLED_ON and facts.nodes[far].is_there]
        for user in (*hosts, *users):
            if user not in reached:
                reached[user] = ci
                queue.append(user)
    return reached
