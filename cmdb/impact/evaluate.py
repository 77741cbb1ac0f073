"""The one question: what fails if these seeds fail, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from cmdb.errors import Invalid, LimitExceeded, NotFound, UsageError
from cmdb.impact.answer import Certainty as CertaintyOf
from cmdb.impact.answer import Impact, ImpactedService, ImpactNode, ImpactSummary, Seed
from cmdb.impact.certain import Certainty, judge_all
from cmdb.impact.judge import RANK, Seeds, Verdict
from cmdb.impact.margin import STEPS, Margins
from cmdb.impact.proof import Proof
from cmdb.impact.ranking import SERVICE, Ranking, alike, criticality, page_of
from cmdb.topology import Finding, Topology
from cmdb.topology.live import Group, ci_of, conn
from cmdb.topology.plane import LAN
from cmdb.topology.view import finding_views, ref, stale_view

MOST_SEEDS = 1_000
MOST_ENTRIES = 10_000
MOST_ONLY = 100
MOST_OPEN = 10_000


def evaluate(
    topology: Topology,
    seeds: Sequence[Seed],
    first: int = 200,
    skip: int = 0,
    only: Sequence[str] = (),
    margin_steps: int = STEPS,
    already: Sequence[Seed] | None = None,
) -> Impact:
    """Say exactly what `seeds` do to the estate, with proof.

    `first` and `skip` cut each list, `only` (CI ids) keeps what concerns these CIs and exactly the proof steps that
    rest on. `margin_steps` bounds the search for `n_more`. With `already` (what is down or ill now) the answer is what
    comes on top of that; those of them that are retired or unknown by now count for nothing. Raises UsageError,
    LimitExceeded, NotFound or Invalid.
    """
    if not 1 <= first <= MOST_ENTRIES:
        raise LimitExceeded(f"first is {first}; give 1 to {MOST_ENTRIES:,} and page on with skip")
    if skip < 0:
        raise UsageError(f"skip is {skip}; give 0 or more")
    if not seeds:
        raise UsageError("no seeds: name at least one CI that something happens to")
    if len(seeds) > MOST_SEEDS:
        raise LimitExceeded(f"{len(seeds):,} seeds; at most {MOST_SEEDS:,} fit one question")
    if len(only) > MOST_ONLY:
        raise LimitExceeded(f"only names {len(only):,} CIs; at most {MOST_ONLY} fit one question")
    if len(already or ()) > MOST_OPEN:
        raise LimitExceeded(f"{len(already or ()):,} CIs have failed already; at most {MOST_OPEN:,} fit one question")
    with topology.lock:
        asked, before = _resolve(topology, seeds), None
        if already is not None:
            standing = _resolve(topology, [seed for seed in already if _is_there(topology, seed.ci)])
            standing = replace(standing, pinned=asked.pinned)
            before, _ = judge_all(topology, standing)
            asked = _joined(standing, asked)
        answer = _Answer(topology, judge_all(topology, asked), margin_steps, before)
        return answer.cut(first, skip, [_known(topology, ci) for ci in only])


def _joined(one: Seeds, other: Seeds) -> Seeds:
    """What is down, ill or under maintenance by either of two; each CI once."""

    def both(kind: str) -> tuple[int, ...]:
        return tuple(dict.fromkeys((*getattr(one, kind), *getattr(other, kind))))

    return Seeds(both("down"), both("maintenance"), both("degraded"), both("release"), one.pinned | other.pinned)


def _is_there(topology: Topology, ci: str) -> bool:
    number = topology.find(ci)
    return number is not None and topology.facts.nodes[number].is_there


def _known(topology: Topology, ci: str) -> int:
    number = topology.find(ci)
    if number is None:
        raise NotFound(f"no CI has the id {ci!r}; it may be newer than commit {topology.sequence}")
    return number


def _resolve(topology: Topology, seeds: Sequence[Seed]) -> Seeds:
    by_kind: dict[str, dict[int, None]] = {}
    for seed in seeds:
        ci = _known(topology, seed.ci)
        node = topology.facts.nodes[ci]
        if not node.is_there:
            raise Invalid(
                f"{node.name} ({node.id}) is retired: nothing rests on it, so nothing can happen to it; leave it out"
            )
        by_kind.setdefault(seed.kind, {})[ci] = None

    def cis(kind: str) -> tuple[int, ...]:
        return tuple(by_kind.get(kind, ()))

    return Seeds(cis("DOWN"), cis("MAINTENANCE"), cis("DEGRADED"), cis("RELEASE"), frozenset(cis("PINNED_UP")))


class _Answer:
    """A verdict put into words."""

    def __init__(
        self,
        topology: Topology,
        judged: tuple[Verdict, Certainty | None],
        margin_steps: int,
        before: Verdict | None = None,
    ) -> None:
        self._topology = topology
        self._verdict, self._certainty = verdict, certainty = judged
        self._facts, self._live = topology.facts, topology.live
        self._proof = Proof(self._facts, self._live, *judged)
        paths = self._live if certainty is None else certainty.worst
        margins = Margins(paths, verdict.down, verdict.seeds.pinned, margin_steps)
        self._before = before
        self._states = verdict.states
        if before is not None:
            self._states = {ci: state for ci, state in verdict.states.items() if self._is_new(ci, before)}
        self._ranking = Ranking(self._facts, self._states, margins, self._is_possible if certainty else None)

    def _is_new(self, ci: int, before: Verdict) -> bool:
        """Whether a CI is worse than it was before, has lost more, or is to be tested for the first time."""
        verdict = self._verdict
        state, was = verdict.states[ci], before.states.get(ci)
        if was is None or RANK[state] < RANK[was] or (ci in verdict.retest and ci not in before.retest):
            return True
        owned = self._live.owned.get(ci, ()) if state == "AT_RISK" else ()
        return any(verdict.down.loss.get(group, 0) > before.down.loss.get(group, 0) for group in owned)

    def cut(self, first: int, skip: int, only: Sequence[int]) -> Impact:
        topology, proof, ranking = self._topology, self._proof, self._ranking
        groups: Iterable[Group] = proof.spared_groups()
        numbers: Sequence[int] = range(1, proof.length + 1)
        findings, count = self._findings(), len(self._states)
        if self._before is not None:
            lost = self._before.down.loss
            groups = [group for group in groups if self._verdict.down.loss[group] > lost.get(group, 0)]
            numbers = proof.closure(number for ci in self._states for number in proof.orders(ci))
        if only:
            wanted = ranking.among(dict.fromkeys(only))
            nodes, count = wanted[skip : skip + first], len(wanted)
            asked = set(only)
            groups = [group for group in groups if group.owner in asked]
            numbers = proof.closure(number for ci in wanted for number in proof.orders(ci))
            ids = {self._facts.nodes[ci].id for ci in only}
            findings = [f for f in findings if f.ci.id in ids or f.kind == "PLANE_WITHOUT_ROOT"]
        else:
            nodes = ranking.page(skip, first)
        groups, (coarse, fine) = list(groups), proof.order_of_spared()
        lengths = (count, len(numbers), len(groups), len(findings))
        return Impact(
            topology.sequence,
            topology.at,
            topology.policy.version,
            any(length > first or (skip and length) for length in lengths),
            self.summary(),
            tuple(self._node(ci) for ci in nodes),
            tuple(proof.step(number) for number in numbers[skip : skip + first]),
            tuple(map(proof.spared, page_of(alike(groups, coarse), fine, skip, first))),
            tuple(findings[skip : skip + first]),
        )

    def _certainty_of(self, ci: int) -> CertaintyOf:
        return "POSSIBLE" if self._is_possible(ci) else "SURE"

    def _is_possible(self, ci: int) -> bool:
        known = self._certainty
        return known is not None and not known.is_sure(ci, self._verdict.states[ci])

    def _node(self, ci: int) -> ImpactNode:
        state = self._verdict.states[ci]
        return ImpactNode(
            ref(self._facts, ci),
            state,
            ci in self._verdict.retest,
            self._proof.order(ci, state),
            self._ranking.severity(ci),
            self._ranking.n_more(ci),
            self._facts.nodes[ci].ci_class == SERVICE,
            self._certainty_of(ci),
        )

    def summary(self) -> ImpactSummary:
        """Counts over the whole answer, services worst first."""
        states, ranking = self._states, self._ranking
        count = Counter(states.values())
        services = tuple(
            ImpactedService(ref(self._facts, ci), states[ci], criticality(self._facts, ci), self._certainty_of(ci))
            for ci in ranking.services
        )
        return ImpactSummary(
            count["DOWN"],
            count["DOWN_PLANNED"],
            count["MAINTENANCE"],
            count["ISOLATED"],
            count["DEGRADED"],
            count["AT_RISK"],
            sum(ci in states for ci in self._verdict.retest),
            len(services),
            services,
            ranking.worst,
            possible=sum(map(self._is_possible, states)) if self._certainty else 0,
        )

    def _findings(self) -> list[Finding]:
        """Defects of the requirements that were touched or whose owner is impacted, and planes nobody can judge."""
        defects = self._live.defects
        known, loss = self._before.ill.loss if self._before is not None else {}, self._verdict.ill.loss
        touched = {group for group in self._dubious(loss) if loss[group] != known.get(group)}
        for ci in self._states.keys() & defects.keys():
            touched |= defects[ci]
        found = [finding for group in touched for finding in finding_views(self._facts, self._live, group)]
        if self._certainty is not None:
            unsure = (ci for ci in self._states if self._certainty_of(ci) == "POSSIBLE")
            about = ((ci, self._topology.doubt.about(ci)) for ci in unsure)
            found += [stale_view(self._facts, ci, ties) for ci, ties in about if ties]
        found.sort(key=lambda f: (f.ci.name, f.ci.id, f.kind, f.text))
        return [*self._unknown_planes(), *found]

    def _dubious(self, loss: Mapping[Group, int]) -> Iterable[Group]:
        """Of the requirements that lost something those that are defects, or have a provider that is missing.

        Either what was lost is looked through or what is known to be dubious, whichever is less.
        """
        live, defects, missing = self._live, self._live.defects, self._facts.missing
        if len(loss) <= len(defects) + len(missing):
            return [
                group
                for group in loss
                if group in defects.get(group.owner, ()) or any(ci_of(lit) in missing for lit, _ in group.providers)
            ]
        literals = (lit for ci in missing for lit in (ci, *(conn(plane.number, ci) for plane in live.planes)))
        served = (group for literal in literals for group in live.serves.get(literal, ()))
        return [group for group in chain(chain.from_iterable(defects.values()), served) if group in loss]

    def _unknown_planes(self) -> list[Finding]:
        fallen = [*self._verdict.down.trail, *self._verdict.ill.trail]
        found = []
        for plane in self._live.planes:
            if plane.roots or (plane.name != LAN and not plane.watched):  # nobody needs a path there any more
                continue
            lost = next((ci for ci in fallen if ci >= 0 and plane.fabric.edges.get(ci)), None)
            if lost is not None:
                name = self._facts.nodes[lost].name
                text = (
                    f"plane {plane.name} has no root, so paths over {name} were not judged; set root_of on its gateways"
                )
                found.append(Finding(ref(self._facts, lost), "PLANE_WITHOUT_ROOT", text))
        return found


def resolve(topology: Topology, seeds: Sequence[Seed]) -> Seeds:
    """Seeds by number. Raises NotFound for what nobody knows and Invalid for what is retired."""
    return _resolve(topology, seeds)


def summarize(topology: Topology, seeds: Seeds, margin_steps: int = STEPS) -> ImpactSummary:
    """Count what seeds do, whatever their number; the caller holds the lock of the topology."""
    return _Answer(topology, judge_all(topology, seeds), margin_steps).summary()
