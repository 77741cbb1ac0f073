"""What surely follows from seeds and what perhaps does, where relationships are in doubt: one verdict of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmdb.impact.answer import State
from cmdb.impact.engine import Cascade, Cause
from cmdb.impact.judge import RANK, Seeds, Verdict, judge
from cmdb.topology import Topology
from cmdb.topology.doubt import Doubt
from cmdb.topology.live import NO_MIRROR, Group, Live


@dataclass(slots=True)
class Certainty:
    """What of a verdict is only possible: all of it that is not sure in every reading of the relationships in doubt.

    `states` are the states that CIs surely have or are worse than; `down`, `ill`, `risks` and `retest` are what the
    best case has of each. `worst` are the live groups with the planes of the worst case, `only_worst` the literals that
    fall only there.
    """

    states: dict[int, State]
    down: frozenset[int]
    ill: frozenset[int]
    risks: frozenset[Group]
    retest: frozenset[int]
    worst: Live
    only_worst: frozenset[int]

    def is_sure(self, ci: int, state: State) -> bool:
        """Whether a CI is in a state or a worse one however the doubt is settled; down is down, planned or not."""
        known = self.states.get(ci)
        return known is not None and RANK[known] <= max(RANK[state], RANK["MAINTENANCE"])


def judge_all(topology: Topology, seeds: Seeds) -> tuple[Verdict, Certainty | None]:
    """Judge seeds by all that is known; where something in doubt matters, at its worst, with what of it is sure.

    The caller holds the lock of the topology. Where nothing in doubt is touched, there is nothing else to tell.
    """
    facts, live, doubt = topology.facts, topology.live, topology.doubt
    usual = judge(facts, live, seeds)
    fallen = (*usual.down.trail, *usual.ill.trail)
    if not doubt.touches(usual.ill.loss, fallen) and not (doubt.ties and seeds.release):
        return usual, None
    best = judge(doubt.sure_facts, doubt.best, seeds, uses=doubt.sure)
    worst = judge(facts, doubt.worst, seeds, uses=live)
    return _joined(live, doubt, (best, usual, worst))


def _joined(live: Live, doubt: Doubt, cases: tuple[Verdict, Verdict, Verdict]) -> tuple[Verdict, Certainty]:
    """The worst case, told in the order of certainty: what is sure, what follows by all that is known, the rest."""
    best, _, worst = cases
    down, last = _chained(doubt, [case.down for case in cases], {})
    ill, last_ill = _chained(doubt, [case.ill for case in cases], down.cause)
    down.moved, ill.moved = worst.down.moved, worst.ill.moved
    down.loss, ill.loss = _lost(live, down.trail), _lost(live, [*down.trail, *ill.trail])
    of = doubt.base
    risks = dict.fromkeys(of.get(group, group) for case in cases for group in case.risks)
    retest = {**best.retest, **{ci: used for ci, used in worst.retest.items() if ci not in best.retest}}
    weakened = [group for group in risks if group.owner not in ill.cause]
    certainty = Certainty(
        best.states,
        frozenset(best.down.cause),
        frozenset(best.ill.cause),
        frozenset(of.get(group, group) for group in best.risks),
        frozenset(best.retest),
        Live(live.groups, live.owned, live.serves, live.defects, doubt.worst.planes, mirror=NO_MIRROR),
        last | last_ill,
    )
    return Verdict(worst.seeds, down, ill, weakened, retest, worst.states), certainty


def _chained(doubt: Doubt, runs: Sequence[Cascade], before: dict[int, Cause]) -> tuple[Cascade, frozenset[int]]:
    """Cascades one after the other, each literal once, by the requirements there are; and what the last one adds."""
    cause, trail, added = dict(before), list[int](), list[int]()
    islands = 1 + max((c for c in before.values() if isinstance(c, int)), default=0)
    for run in runs:
        added = [literal for literal in run.trail if literal not in cause]
        for literal in added:
            why = run.cause[literal]
            if not isinstance(why, int):
                cause[literal] = doubt.base.get(why, why)
            else:
                cause[literal] = why + islands if why >= 0 else why
        trail += added
        islands += run.islands
    return Cascade(trail, cause, {}, {}, islands), frozenset(added)


def _lost(live: Live, literals: Iterable[int]) -> dict[Group, int]:
    loss: dict[Group, int] = {}
    for literal in literals:
        for group, weight in live.serves.get(literal, {}).items():
            loss[group] = loss.get(group, 0) + weight
    return loss
