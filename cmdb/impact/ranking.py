"""The impacted CIs, worst first, put in order only as far as somebody reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from cmdb.impact.answer import State
from cmdb.impact.judge import RANK
from cmdb.impact.margin import Margins
from cmdb.topology.facts import Facts

FACTOR: dict[State, float] = {"DOWN": 1.0, "DOWN_PLANNED": 1.0, "MAINTENANCE": 1.0, "DEGRADED": 0.5}
LAST_LEG, LESS = 0.25, 0.1  # at risk with one failure to go, and everything else
SERVICE = "Service"
T = TypeVar("T")


def criticality(facts: Facts, ci: int) -> int:
    """1 to 4; what nobody rated is 1."""
    value = facts.nodes[ci].values.get("criticality")
    return min(4, max(1, value)) if isinstance(value, int) else 1


def alike(items: Iterable[T], coarse: Callable[[T], Any]) -> dict[Any, list[T]]:
    """Items by what they are sorted by first."""
    found: dict[Any, list[T]] = {}
    for item in items:
        found.setdefault(coarse(item), []).append(item)
    return found


def page_of(groups: Mapping[Any, list[T]], fine: Callable[[T], Any], skip: int, first: int) -> list[T]:
    """The entries `skip` to `skip + first` of groups by their keys, each of them sorted by `fine`.

    `fine` is asked only of those in a group with one of these.
    """
    found: list[T] = []
    for key in sorted(groups):
        if skip >= len(groups[key]):
            skip -= len(groups[key])
            continue
        found += sorted(groups[key], key=fine)[skip : skip + first - len(found)]
        skip = 0
        if len(found) >= first:
            break
    return found


class Ranking:
    """States of impacted CIs in the order in which people want to read them, with severity and N more.

    Services come first, then the worse states, what is sure, what is severe. How many further failures a CI at risk
    can take is found out only where it is shown or decides the order: it is by far the most costly part of an answer.
    """

    def __init__(
        self, facts: Facts, states: Mapping[int, State], margins: Margins, is_possible: Callable[[int], bool] | None
    ) -> None:
        self._facts, self._states, self._margins, self._is_possible = facts, states, margins, is_possible
        self._n_more: dict[int, int | None] = {}
        self._groups = alike(states, self._coarse)
        # What the search for N more may take is shared: whoever comes first is always the same.
        services = {key: cis for key, cis in self._groups.items() if not key[0]}
        self.services = page_of(services, self._fine, 0, len(states))
        self.worst = self._find_worst()

    def n_more(self, ci: int) -> int | None:
        """Further failures that take a CI at risk down; None: another state, or the search would take too long."""
        if self._states[ci] != "AT_RISK":
            return None
        if ci not in self._n_more:
            self._n_more[ci] = self._margins.of(ci)
        return self._n_more[ci]

    def severity(self, ci: int) -> float:
        """How bad it is, 0 to 4."""
        state = self._states[ci]
        factor = LAST_LEG if state == "AT_RISK" and self.n_more(ci) == 1 else FACTOR.get(state, LESS)
        return round(criticality(self._facts, ci) * factor, 2)

    def page(self, skip: int, first: int) -> list[int]:
        """Some of all CIs, in order."""
        return page_of(self._groups, self._fine, skip, first)

    def among(self, cis: Iterable[int]) -> list[int]:
        """Those of some CIs that are impacted, in order."""
        return sorted((ci for ci in cis if ci in self._states), key=lambda ci: (self._coarse(ci), self._fine(ci)))

    def _coarse(self, ci: int) -> tuple[bool, int, bool, float]:
        """What is known of its place without a search: the severity of what is at risk is not."""
        state, node = self._states[ci], self._facts.nodes[ci]
        known = 0.0
        if state != "AT_RISK":  # most are rated by nobody
            known = -self.severity(ci) if node.values else -FACTOR.get(state, LESS)
        doubt = self._is_possible is not None and self._is_possible(ci)
        return (node.ci_class != SERVICE, RANK[state], doubt, known)

    def _fine(self, ci: int) -> tuple[float, str, str]:
        node = self._facts.nodes[ci]
        return (-self.severity(ci) if self._states[ci] == "AT_RISK" else 0.0, node.name, node.id)

    def _find_worst(self) -> float:
        """The largest severity of all."""
        at_risk = RANK["AT_RISK"]
        worst = max((-key[3] for key in self._groups if key[1] != at_risk), default=0.0)
        searched = (cis for key, cis in self._groups.items() if key[1] == at_risk)
        rated = [(criticality(self._facts, ci), ci) for cis in searched for ci in cis]
        for rate, ci in sorted(rated, key=lambda pair: -pair[0]):
            if rate * LAST_LEG <= worst:  # that is the most that any of the rest can have
                break
            worst = max(worst, self.severity(ci))
        return worst
