"""Why it is so: numbered steps that cite earlier ones, and who carries what was spared."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from cmdb.impact.answer import ProofGroup, ProofKind, ProofProvider, ProofStep, Spared, State
from cmdb.impact.certain import Certainty
from cmdb.impact.engine import SELF, live_path
from cmdb.impact.judge import Verdict, needs_path
from cmdb.store.protocol import CIRef
from cmdb.topology.facts import NO_PARENT, Facts
from cmdb.topology.live import WAIVED, Group, Live, ci_of, conn, plane_of
from cmdb.topology.view import MOST_LISTED, listed, plane_name, ref

MOST_CITES = 1_000
LONGEST_PATH = 64
# Their names say little without the device, and how to say where they are.
PARTS = {"Interface": "of", "Module": "of", "Chassis": "of", "SoftwareInstance": "on"}
WORD: dict[State, str] = {
    "DOWN": "down",
    "DOWN_PLANNED": "down (planned)",
    "MAINTENANCE": "in maintenance",
    "ISOLATED": "isolated",
    "DEGRADED": "degraded",
    "AT_RISK": "at risk",
    "TO_RETEST": "to be tested again",
}


class Proof:
    """The steps of a verdict, built one by one as they are asked for.

    Numbered first what is down, in the order it fell, then what is ill, then what is at risk, then what is to be
    tested again.
    """

    def __init__(self, facts: Facts, live: Live, verdict: Verdict, certainty: Certainty | None = None) -> None:
        self._facts, self._live, self._verdict, self._certainty = facts, live, verdict, certainty
        fallen = (*verdict.down.trail, *verdict.ill.trail)
        self._fallen = fallen
        self._number = {literal: number for number, literal in enumerate(fallen, 1)}
        self._risk_number: dict[int, int] = {}
        for number, group in enumerate(verdict.risks, len(fallen) + 1):
            self._risk_number.setdefault(group.owner, number)
        self._retest = list(verdict.retest)
        tested = len(fallen) + len(verdict.risks)
        self._retest_number = {ci: number for number, ci in enumerate(self._retest, tested + 1)}
        self._islands: dict[int, tuple[int, tuple[int, ...]]] = {}
        self.length = tested + len(self._retest)

    def order(self, ci: int, state: State) -> int:
        """Number of the step that concludes the state of a CI."""
        if state == "AT_RISK":
            return self._risk_number[ci]
        if state == "TO_RETEST":
            return self._retest_number[ci]
        if state == "ISOLATED":
            literals = (conn(plane.number, ci) for plane in self._live.planes)
            lost = (lit for lit in literals if lit in self._verdict.down.cause and needs_path(self._live, lit))
            return min(self._number[literal] for literal in lost)
        return self._number[ci]

    def orders(self, ci: int) -> list[int]:
        """Numbers of all steps that conclude something about the state of a CI."""
        state = self._verdict.states.get(ci)
        found = [self.order(ci, state)] if state else []
        if state != "TO_RETEST" and ci in self._retest_number:
            found.append(self._retest_number[ci])
        return found

    def numbers(self, literals: Iterable[int]) -> list[int]:
        """Numbers of the steps that conclude that these are not true; those of others are left out."""
        return [self._number[literal] for literal in literals if literal in self._number]

    def closure(self, numbers: Iterable[int]) -> list[int]:
        """These steps and all that they rest on, in order."""
        known = set(numbers)
        stack = list(known)
        while stack:
            for cited in self.step(stack.pop()).cites:
                if cited not in known:
                    known.add(cited)
                    stack.append(cited)
        return sorted(known)

    def step(self, number: int) -> ProofStep:
        """One step, by number from 1."""
        made = self._step(number)
        if self._is_sure(number):
            return made
        text = made.text.replace(f" is {WORD[made.state]}", f" may be {WORD[made.state]}", 1)
        certainty = self._certainty
        known = certainty.states.get(self._facts.numbers[made.ci.id]) if certainty else None
        if known is not None and known != made.state and made.state != "TO_RETEST":
            text = f"{text} It is surely {WORD[known]}."
        return msgspec.structs.replace(made, certainty="POSSIBLE", text=text)

    def _is_sure(self, number: int) -> bool:
        """Whether a step holds however the doubt is settled.

        One about health may rest on steps of which only that much is sure: what may be down is surely ill.
        """
        certainty, index = self._certainty, number - 1
        if certainty is None:
            return True
        if index < len(self._fallen):
            is_ill = index >= len(self._verdict.down.trail)
            return self._fallen[index] in (certainty.ill if is_ill else certainty.down)
        index -= len(self._fallen)
        if index < len(self._verdict.risks):
            return self._verdict.risks[index] in certainty.risks
        return self._retest[index - len(self._verdict.risks)] in certainty.retest

    def _step(self, number: int) -> ProofStep:
        index = number - 1
        if index < len(self._fallen):
            return self._fall(number, self._fallen[index])
        index -= len(self._fallen)
        if index < len(self._verdict.risks):
            group = self._verdict.risks[index]
            return self._group_step(number, "GROUP_WEAKENED", "AT_RISK", group, len(self._verdict.down.trail) + 1)
        return self._retest_step(number, self._retest[index - len(self._verdict.risks)])

    # ---- steps
    def _fall(self, number: int, literal: int) -> ProofStep:
        """One literal that is no longer true, or no longer healthy."""
        is_ill = number > len(self._verdict.down.trail)
        cause = self._verdict.ill.cause[literal]
        if literal < 0:
            return self._transit_step(number, literal, cause == SELF, is_ill)
        state: State = "DEGRADED" if is_ill else self._verdict.states[literal]
        if isinstance(cause, int):
            return self._plain(number, "SEED", literal, state, (), f"{self._name(literal)} is {WORD[state]}: given.")
        return self._group_step(number, "GROUP_WEAKENED" if is_ill else "GROUP_BROKEN", state, cause, number)

    def _plain(
        self, number: int, kind: ProofKind, ci: int, state: State, cites: tuple[int, ...], text: str
    ) -> ProofStep:
        return ProofStep(number, kind, self._ref(ci), state, None, None, None, cites, text)

    def _group_step(self, number: int, kind: ProofKind, state: State, group: Group, before: int) -> ProofStep:
        """A requirement that broke or got weaker through what fell before a step."""
        number_of = self._number.get
        lost = [lit for lit, _ in group.providers if number_of(lit, before) < before]
        if self._certainty is not None and self._is_sure(number):
            sure = self._certainty.ill if kind == "GROUP_WEAKENED" and state == "DEGRADED" else self._certainty.down
            lost = [lit for lit in lost if lit in sure]
        cites = tuple(sorted(self._number[lit] for lit in lost[:MOST_CITES]))
        shown = self._proof_group(group, set(lost))
        names = listed([self._name(ci_of(lit)) for lit in lost[:MOST_LISTED]], more=len(lost[MOST_LISTED:]))
        left = group.total - shown.lost_weight
        text = f"{self._name(group.owner)} is {WORD[state]}: it needs {group.needed} of {group.total}"
        text = f"{text}, {left} left without {names}"
        text += ", and not all of that is sure." if kind == "GROUP_BROKEN" and left >= group.needed else "."
        return ProofStep(number, kind, self._ref(group.owner), state, shown, None, None, cites, text)

    def _transit_step(self, number: int, literal: int, is_self: bool, is_ill: bool) -> ProofStep:
        """Connectivity that was lost."""
        ci, plane = ci_of(literal), plane_name(self._live, literal)
        name = self._name(ci)
        if is_self:
            state: State = "DEGRADED" if is_ill else self._verdict.states[ci]
            text = f"{name} forwards nothing in plane {plane}: it is {WORD[state]} itself."
            return ProofStep(number, "TRANSIT_LOST", self._ref(ci), state, None, plane, None, (self._number[ci],), text)
        island, border = self._island(literal)
        state = "DEGRADED" if is_ill else "ISOLATED"
        names = listed(
            [self._name(ci_of(self._fallen[n - 1])) for n in border[:MOST_LISTED]], more=len(border[MOST_LISTED:])
        )
        text = (
            f"{name} has no {'healthy ' if is_ill else ''}path to a root of plane {plane}: all ways lead over {names}."
        )
        return ProofStep(number, "ISOLATED", self._ref(ci), state, None, plane, island, border[:MOST_CITES], text)

    def _island(self, literal: int) -> tuple[int, tuple[int, ...]]:
        """The set of transit CIs a literal was cut off with: number of its first step, and the steps of its border."""
        if (known := self._islands.get(literal)) is not None:
            return known
        certainty = self._certainty
        live = certainty.worst if certainty is not None and literal in certainty.only_worst else self._live
        plane = live.planes[plane_of(literal)]
        cause = self._verdict.ill.cause
        members, border = {literal}, set()
        stack = [literal]
        while stack:
            for far in plane.fabric.edges[ci_of(stack.pop())]:
                other = conn(plane.number, far)
                if other in members or not plane.is_alive(far):
                    continue
                if cause[other] == cause[literal]:
                    members.add(other)
                    stack.append(other)
                else:
                    border.add(self._number[other])
        found = (min(self._number[m] for m in members), tuple(sorted(border)))
        self._islands.update(dict.fromkeys(members, found))
        return found

    def _retest_step(self, number: int, ci: int) -> ProofStep:
        used = self._verdict.retest[ci]
        if used < 0:
            return self._plain(number, "SEED", ci, "TO_RETEST", (), f"{self._name(ci)} gets a new version: given.")
        text = f"{self._name(ci)} is to be tested again: it uses {self._name(used)}."
        return self._plain(number, "USES_RELEASED", ci, "TO_RETEST", (self._retest_number[used],), text)

    # ---- spared
    def spared_groups(self) -> list[Group]:
        """Requirements that were touched and hold, of CIs that are up."""
        down = self._verdict.down
        return [
            group for group, loss in down.loss.items() if loss <= group.slack < WAIVED and group.owner not in down.cause
        ]

    def order_of_spared(self) -> tuple[Callable[[Group], tuple[bool, int]], Callable[[Group], tuple[str, str]]]:
        """What they are sorted by: services first, then by margin; and what is alike in that, by name."""
        loss, nodes = self._verdict.down.loss, self._facts.nodes

        def coarse(group: Group) -> tuple[bool, int]:
            return (nodes[group.owner].ci_class != "Service", group.slack - loss[group])

        def fine(group: Group) -> tuple[str, str]:
            return (nodes[group.owner].name, group.id)

        return coarse, fine

    def spared(self, group: Group) -> Spared:
        """One requirement that holds, and who carries it."""
        down = self._verdict.down
        carriers = [p for p in group.providers if p[0] not in down.cause and self._live.is_alive(p[0])]
        path: list[int] = []
        if carriers and carriers[0][0] < 0:
            live = self._live if self._certainty is None else self._certainty.worst
            path = live_path(live, down, carriers[0][0])
        if len(path) > LONGEST_PATH:
            path = path[: LONGEST_PATH // 2] + path[-LONGEST_PATH // 2 :]
        return Spared(
            self._ref(group.owner),
            self._proof_group(group, set(down.cause)),
            tuple(self._provider(lit, weight) for lit, weight in carriers[:MOST_CITES]),
            group.slack - down.loss[group],
            tuple(map(self._ref, path)),
        )

    # ---- names
    def _proof_group(self, group: Group, lost: set[int]) -> ProofGroup:
        """A requirement with what is not true of it; a provider that had no path before counts among the lost."""
        gone = [p for p in group.providers if p[0] in lost or not self._live.is_alive(p[0])]
        weight = sum(w for _, w in gone)
        shown = tuple(self._provider(lit, w) for lit, w in gone[:MOST_CITES])
        return ProofGroup(group.id, group.needed, group.total, weight, shown)

    def _provider(self, literal: int, weight: int) -> ProofProvider:
        node = self._facts.nodes[ci_of(literal)]
        return ProofProvider(node.id, node.ci_class, node.name, weight, plane_name(self._live, literal))

    def _ref(self, ci: int) -> CIRef:
        return ref(self._facts, ci)

    def _name(self, ci: int) -> str:
        """How a person would call it: a part is named with what it is a part of, unless its name says that."""
        node = self._facts.nodes[ci]
        if node.parent == NO_PARENT or node.ci_class not in PARTS:
            return node.name
        above = self._facts.nodes[node.parent].name
        return node.name if above in node.name.split() else f"{node.name} {PARTS[node.ci_class]} {above}"
