"""A checker of answers: every step follows from earlier ones, and nothing next to a loss was forgotten.

Knows the plain estate and the answer, nothing of how it was found. It looks at what the answer touches only, as a
sceptical reader would, and raises AssertionError with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from tests.impact.estate import Estate, Ground, Literal, Need

if TYPE_CHECKING:
    from cmdb.impact.answer import Impact, ProofStep, Spared

LAN = "lan"  # everything that forwards needs a path there
DOWN_STATES = {"DOWN", "DOWN_PLANNED", "MAINTENANCE"}


@dataclass
class Checker:
    """One answer under check. `named` maps ids of requirements to what they say."""

    estate: Estate
    named: Mapping[str, Need]
    kinds: Mapping[str, str]
    answer: Impact
    installed: set[tuple[str, str]] = field(default_factory=set)
    dark: set[Literal] = field(default_factory=set)  # not true with everything up; found out if not given
    judged: set[str] = field(default_factory=set)  # planes in which somebody needs a path; found out if not given
    down: dict[Literal, int] = field(default_factory=dict)  # lost literal -> number of its step
    ill: dict[Literal, int] = field(default_factory=dict)
    risk: dict[str, int] = field(default_factory=dict)
    tested: dict[str, int] = field(default_factory=dict)
    islands: dict[int, list[ProofStep]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dark = self.dark or in_the_dark(self.estate)
        for need in self.estate.needs:  # a plane without this member: never true
            self.dark |= {x for x in need.weights if isinstance(x, tuple) and x[1] not in self.members(x[0])}
        named = {x[0] for need in self.estate.needs for x in need.weights if isinstance(x, tuple)}
        self.judged = self.judged or {LAN} | named

    def members(self, plane: str) -> set[str]:
        return self.estate.planes[plane].members if plane in self.estate.planes else set()

    def check(self) -> None:
        """Check a whole answer (one that was not cut)."""
        assert not self.answer.truncated
        self._steps(self.answer.proof)
        self._islands()
        self._complete_down()
        self._complete_health()
        self._spared()
        self._nodes()

    def check_sure(self) -> None:
        """Check what is sure of an answer in which other things are only possible: that it follows, not that it is all.

        Sure steps about function come first, and rest on nothing but each other.
        """
        certain = takewhile(
            lambda s: s.certainty == "SURE" and s.state in {*DOWN_STATES, "ISOLATED"}, self.answer.proof
        )
        self._steps(sure := list(certain))
        self._islands()
        for node in self.answer.nodes:
            if node.certainty == "SURE" and node.state in {*DOWN_STATES, "ISOLATED"}:
                assert node.order <= len(sure), f"{node.ci.id} is called sure, and its step is not"

    # ---- soundness
    def _steps(self, steps: Iterable[ProofStep]) -> None:
        for position, step in enumerate(steps, 1):
            assert step.number == position, "numbers have gaps"
            assert all(0 < cited < position for cited in step.cites), f"step {position} cites what comes later"
            assert len(set(step.cites)) == len(step.cites), f"step {position} cites twice"
            getattr(self, f"_{step.kind.lower()}")(step)

    def _seed(self, step: ProofStep) -> None:
        kind, ci = self.kinds.get(step.ci.id), step.ci.id
        assert step.cites == ()
        if kind == "RELEASE":
            assert step.state == "TO_RETEST"
            self.tested[ci] = step.number
        elif kind == "DEGRADED":
            assert step.state == "DEGRADED"
            self.ill[ci] = step.number
        else:
            assert kind in ("DOWN", "MAINTENANCE")
            assert step.state == kind or step.state == "DOWN"
            self.down[ci] = step.number

    def _group_broken(self, step: ProofStep) -> None:
        need, cited = self._need(step), self._cited(step, self.down)
        assert self.kinds.get(step.ci.id) != "PINNED_UP", f"{step.ci.id} is pinned up"
        assert self._left(need, set()) >= need.needed, f"{step.ci.id}: the requirement was waived"
        assert self._left(need, cited) < need.needed, f"{step.ci.id}: enough providers are left"
        assert step.state in DOWN_STATES
        self._arithmetic(step, need, cited)
        assert step.group is not None
        assert step.group.total - step.group.lost_weight < need.needed
        self.down[step.ci.id] = step.number

    def _group_weakened(self, step: ProofStep) -> None:
        need = self._need(step)
        known = self.down if step.state == "AT_RISK" else self.down | self.ill
        cited = self._cited(step, known)
        weight = sum(need.weights[literal] for literal in cited)
        self._arithmetic(step, need, cited)
        assert self._left(need, set()) >= need.needed, f"{step.ci.id}: the requirement was waived"
        assert self.kinds.get(step.ci.id) != "PINNED_UP"
        assert weight > 0, f"{step.ci.id} lost nothing"
        if step.state == "AT_RISK":
            assert need.on_loss == "AT_RISK"
            assert self._left(need, cited) >= need.needed
            self.risk.setdefault(step.ci.id, step.number)
            return
        fewer = need.on_loss == "DEGRADED" and any(literal in self.down for literal in cited)
        unmet = need.passes == "NEEDED" and self._left(need, cited) < need.needed
        assert step.state == "DEGRADED"
        assert fewer or unmet or need.passes == "ANY", f"{step.ci.id} has no reason to be degraded"
        self.ill[step.ci.id] = step.number

    def _transit_lost(self, step: ProofStep) -> None:
        assert step.plane is not None
        literal = (step.plane, step.ci.id)
        known = self.ill if step.state == "DEGRADED" else self.down
        assert step.cites == (known[step.ci.id],), f"{literal} does not follow from its own CI"
        assert literal not in self.dark
        known[literal] = step.number

    def _isolated(self, step: ProofStep) -> None:
        assert step.plane is not None
        assert step.island is not None
        self.islands.setdefault(step.island, []).append(step)
        known = self.ill if step.state == "DEGRADED" else self.down
        known[(step.plane, step.ci.id)] = step.number

    def _uses_released(self, step: ProofStep) -> None:
        (used,) = step.cites
        provider = next(ci for ci, number in self.tested.items() if number == used)
        relies = any(
            need.owner == step.ci.id and any(provider == ci_of(x) for x in need.weights) for need in self.estate.needs
        )
        assert relies or (provider, step.ci.id) in self.installed, f"{step.ci.id} does not use {provider}"
        self.tested[step.ci.id] = step.number

    def _islands(self) -> None:
        """Each island is a set without a root whose whole border fell before."""
        for island, steps in self.islands.items():
            plane, first = steps[0].plane or "", min(s.number for s in steps)
            inside = {s.ci.id for s in steps}
            known = self.ill | self.down if steps[0].state == "DEGRADED" else self.down
            border = {(plane, ci) for ci in self._around(plane, inside)} - self.dark
            assert first == island
            assert {s.plane for s in steps} == {plane}
            assert not inside & self.estate.planes[plane].roots, f"island {island} has a root"
            assert all(known[literal] < first for literal in border), f"the border of island {island} is alive"
            for step in steps:
                assert set(step.cites) == {known[literal] for literal in border}

    # ---- completeness
    def _complete_down(self) -> None:
        """Whoever lost a provider and is not down still has enough; whoever is connected still is."""
        for need in self.estate.needs:
            is_free = need.owner not in self.down and self.kinds.get(need.owner) != "PINNED_UP"
            if is_free and self._left(need, set()) >= need.needed:
                assert self._left(need, set(self.down)) >= need.needed, f"{need.owner} should be down"
        for ci, kind in self.kinds.items():
            assert kind not in ("DOWN", "MAINTENANCE") or ci in self.down
        self._complete_planes(self.down)

    def _complete_planes(self, known: Mapping[Literal, int]) -> None:
        for name, ground in self.estate.planes.items():
            if name not in self.judged:
                assert not any(x[0] == name for x in known if isinstance(x, tuple)), f"nobody needs a path in {name}"
                continue
            fallen = {x for x in known if isinstance(x, str)}
            alive = reach(ground, fallen)
            for ci in ground.members:
                literal = (name, ci)
                if literal in self.dark:
                    assert literal not in known
                elif ground.roots or (ci in fallen and any(literal in n.weights for n in self.estate.needs)):
                    assert (literal in known) == (ci not in alive), f"{ci} in {name}: wrong about its path"

    def _complete_health(self) -> None:
        known = self.down | self.ill
        for ci, kind in self.kinds.items():
            assert kind != "DEGRADED" or ci in known, f"the seed {ci} is forgotten"
            assert kind != "RELEASE" or ci in self.tested, f"the seed {ci} is forgotten"
        for need in self.estate.needs:
            owner = need.owner
            if owner in known or self.kinds.get(owner) == "PINNED_UP" or self._left(need, set()) < need.needed:
                continue
            down = sum(weight for x, weight in need.weights.items() if x in self.down)
            both = sum(weight for x, weight in need.weights.items() if x in known)
            assert not (need.on_loss == "DEGRADED" and down), f"{owner} should be degraded"
            assert not (need.passes == "ANY" and both), f"{owner} should be degraded"
            assert need.passes != "NEEDED" or self._left(need, set(known)) >= need.needed, f"{owner} should be degraded"
            assert not (need.on_loss == "AT_RISK" and down) or owner in self.risk, f"{owner} should be at risk"
        if self.ill:
            self._complete_planes(known)
        for need in self.estate.needs:
            used = {ci_of(x) for x in need.weights}
            assert not used & self.tested.keys() or need.owner in self.tested, f"{need.owner} should be tested"

    def _spared(self) -> None:
        found: dict[str, Spared] = {spared.group.id: spared for spared in self.answer.spared}
        assert len(found) == len(self.answer.spared)
        for id_, need in self.named.items():
            touched = any(x in self.down for x in need.weights) and need.owner not in self.down
            left = self._left(need, set(self.down))
            expected = touched and self._left(need, set()) >= need.needed <= left
            assert (id_ in found) == expected, f"{id_} of {need.owner} wrongly spared or not"
            if expected:
                self._check_spared(found[id_], need, left)

    def _check_spared(self, spared: Spared, need: Need, left: int) -> None:
        alive = {x for x in need.weights if x not in self.down and x not in self.dark}
        carriers = [(c.plane, c.id) if c.plane else c.id for c in spared.carriers]
        assert spared.margin == left - need.needed
        assert set(carriers) == alive
        assert [c.weight for c in spared.carriers] == sorted((c.weight for c in spared.carriers), reverse=True)
        assert spared.group.total - spared.group.lost_weight - need.needed == spared.margin
        path = [ci.id for ci in spared.live_path]
        if carriers and isinstance(carriers[0], tuple):
            ground = self.estate.planes[carriers[0][0]]
            assert path[0] == carriers[0][1]
            assert len(set(path)) == len(path)
            assert all(frozenset(pair) in ground.links for pair in pairwise(path))
            assert all(ci not in self.down for ci in path)
            assert path[-1] in ground.roots or (not ground.roots and len(path) == 1)
        else:
            assert path == []

    def _nodes(self) -> None:
        steps = {step.number: step for step in self.answer.proof}
        seen = set()
        for node in self.answer.nodes:
            step = steps[node.order]
            assert (step.ci.id, step.state) == (node.ci.id, node.state), (
                f"{node.ci.id}: not what step {node.order} says"
            )
            assert node.to_retest == (node.ci.id in self.tested)
            seen.add(node.ci.id)
        isolated = {x[1] for x in self.down if isinstance(x, tuple) and self._needs_path(x)}
        everybody = {x for x in (*self.down, *self.ill, *self.risk, *self.tested) if isinstance(x, str)} | isolated
        summary = self.answer.summary
        counted = summary.down + summary.down_planned + summary.maintenance
        assert seen == everybody
        assert counted == sum(isinstance(x, str) for x in self.down)
        assert summary.to_retest == len(self.tested)

    # ---- small things
    def _needs_path(self, literal: tuple[str, str]) -> bool:
        """Whether it matters to anybody that a member is cut off: in the LAN always, else if a requirement names it."""
        return literal[0] == LAN or any(literal in need.weights for need in self.estate.needs)

    def _need(self, step: ProofStep) -> Need:
        assert step.group is not None
        need = self.named[step.group.id]
        assert need.owner == step.ci.id, f"step {step.number} is about a requirement of another CI"
        return need

    def _cited(self, step: ProofStep, known: Mapping[Literal, int]) -> set[Literal]:
        numbers = {number: literal for literal, number in known.items()}
        assert all(number in numbers for number in step.cites), f"step {step.number} cites steps of another kind"
        cited = {numbers[number] for number in step.cites}
        assert cited <= self._need(step).weights.keys(), f"step {step.number} cites what is no provider"
        return cited

    def _arithmetic(self, step: ProofStep, need: Need, cited: set[Literal]) -> None:
        assert step.group is not None
        gone = cited | (self.dark & need.weights.keys())
        assert step.group.needed == need.needed
        assert step.group.total == sum(need.weights.values())
        assert step.group.lost_weight == sum(need.weights[x] for x in gone)
        assert {(p.plane, p.id) if p.plane else p.id for p in step.group.lost} == gone

    def _left(self, need: Need, lost: set[Literal]) -> int:
        return sum(weight for x, weight in need.weights.items() if x not in lost and x not in self.dark)

    def _around(self, plane: str, inside: set[str]) -> set[str]:
        rows = self.estate.planes[plane].rows()
        return {far for ci in inside for far in rows.get(ci, ())} - inside


def ci_of(literal: Literal) -> str:
    """The CI a literal is about."""
    return literal if isinstance(literal, str) else literal[1]


def in_the_dark(estate: Estate) -> set[Literal]:
    """Connectivity that is not there with everything up."""
    return {(name, ci) for name, ground in estate.planes.items() for ci in ground.members - reach(ground, set())}


def reach(ground: Ground, fallen: set[str]) -> set[str]:
    """Members that still have a path, by walking outwards from the roots; all that are up in a plane without roots."""
    if not ground.roots:
        return ground.members - fallen
    rows = ground.rows()
    stack = [ci for ci in ground.roots if ci not in fallen]
    seen = set(stack)
    while stack:
        for far in rows.get(stack.pop(), ()):
            if far not in seen and far not in fallen:
                seen.add(far)
                stack.append(far)
    return seen


def check(estate: Estate, kinds: Mapping[str, str], answer: Impact, named: Mapping[str, Need] | None = None) -> None:
    """Check an answer about an assembled estate."""
    if named is None:
        named = {f"g{position}": need for position, need in enumerate(estate.needs)}
    Checker(estate, named, kinds, answer).check()
