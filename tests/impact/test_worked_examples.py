"""The worked examples of the semantics, as a table."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import pytest

from cmdb.impact.engine import fail
from cmdb.impact.margin import Margins
from tests.impact import oracle
from tests.impact.ask import ask, states
from tests.impact.assemble import assemble
from tests.impact.checker import check
from tests.impact.estate import Estate, Ground, needs

CIS = ["feedA", "feedB", "pdu1", "tor1", "tor2", "core1", "core2", "p1", "p2", "h", "i", "j", "C", "X", "dns", "ad"]
LINKS = ("p1-tor1", "p2-tor2", "tor1-core1", "tor1-core2", "tor2-core1", "tor2-core2")
LAN = Ground(
    {"tor1", "tor2", "core1", "core2", "p1", "p2"},
    {frozenset(link.split("-")) for link in LINKS},
    {"core1", "core2"},
)
NEEDS = [
    needs("h", 1, "feedA", "feedB", on_loss="AT_RISK", passes="NEVER"),
    needs("h", 1, ("lan", "p1"), ("lan", "p2"), on_loss="AT_RISK"),
    needs("tor1", 1, "pdu1", on_loss="AT_RISK", passes="NEVER"),
    needs("tor2", 1, "pdu1", on_loss="AT_RISK", passes="NEVER"),
    needs("C", 2, "h", "i", "j", on_loss="DEGRADED"),
    needs("X", 1, "C", on_loss="AT_RISK"),
    needs("X", 1, "dns", on_loss="AT_RISK"),
    needs("dns", 1, "ad", on_loss="AT_RISK"),
    needs("ad", 1, "dns", on_loss="AT_RISK"),
]
ESTATE = Estate(CIS, NEEDS, {"lan": LAN})
TABLE = [
    ("feedA", "DOWN", {"feedA": "DOWN", "h": "AT_RISK"}),
    ("tor1", "DOWN", {"tor1": "DOWN", "p1": "ISOLATED", "h": "AT_RISK"}),
    (
        "core1 core2",
        "DOWN",
        {"core1": "DOWN", "core2": "DOWN", "h": "DOWN", "C": "DEGRADED", "X": "DEGRADED"}
        | dict.fromkeys(("tor1", "tor2", "p1", "p2"), "ISOLATED"),
    ),
    (
        "pdu1",
        "DOWN",
        dict.fromkeys(("pdu1", "tor1", "tor2", "h"), "DOWN")
        | dict.fromkeys(("p1", "p2"), "ISOLATED")
        | dict.fromkeys(("C", "X"), "DEGRADED"),
    ),
    ("h i", "DOWN", dict.fromkeys(("h", "i", "C", "X"), "DOWN")),
    ("h", "DEGRADED", {"h": "DEGRADED"}),
    ("dns", "DOWN", dict.fromkeys(("dns", "ad", "X"), "DOWN")),
    ("h i", "MAINTENANCE", {"h": "MAINTENANCE", "i": "MAINTENANCE", "C": "DOWN_PLANNED", "X": "DOWN_PLANNED"}),
]


@pytest.mark.parametrize(("seeds", "kind", "expected"), TABLE, ids=[f"{t[0]} {t[1].lower()}" for t in TABLE])
def test_table(seeds: str, kind: str, expected: dict[str, str]) -> None:
    kinds = dict.fromkeys(seeds.split(), kind)
    answer = ask(assemble(ESTATE), kinds)

    assert states(answer) == expected == oracle.states(ESTATE, kinds)
    check(ESTATE, kinds, answer)


def test_no_seed_no_loss() -> None:
    topology = assemble(ESTATE)

    assert fail(topology.live, ()).trail == []
    assert not topology.find_findings()


def test_one_feed_lost_the_other_carries() -> None:
    answer = ask(assemble(ESTATE), {"feedA": "DOWN"})
    (spared,) = answer.spared
    (node,) = [n for n in answer.nodes if n.ci.id == "h"]

    assert (spared.ci.id, [c.id for c in spared.carriers], spared.margin) == ("h", ["feedB"], 0)
    assert node.n_more == 1


def test_one_switch_lost_the_other_path_lives() -> None:
    (spared,) = ask(assemble(ESTATE), {"tor1": "DOWN"}).spared

    assert [(c.id, c.plane) for c in spared.carriers] == [("p2", "lan")]
    assert [ci.id for ci in spared.live_path][:2] == ["p2", "tor2"]
    assert spared.live_path[2].id in ("core1", "core2")


def test_both_cores_lost_the_islands_and_their_border() -> None:
    answer = ask(assemble(ESTATE), {"core1": "DOWN", "core2": "DOWN"})
    islands: dict[int | None, set[str]] = {}
    for step in answer.proof:
        if step.kind == "ISOLATED":
            islands.setdefault(step.island, set()).add(step.ci.id)
            border = {answer.proof[number - 1].ci.id for number in step.cites}

            assert border == {"core1", "core2"}
    assert sorted(map(sorted, islands.values())) == [["p1", "tor1"], ["p2", "tor2"]]


def test_exact_number_sees_the_common_cause_that_the_bound_does_not() -> None:
    topology = assemble(ESTATE)
    margins = Margins(topology.live, fail(topology.live, ()), frozenset())
    host = topology.facts.numbers["h"]

    assert margins.bound(host) == 2
    assert margins.of(host) == 1


def test_minimal_cuts_of_the_host() -> None:
    topology = assemble(ESTATE)
    numbers = topology.facts.numbers
    others = [ci for ci in CIS if ci != "h"]

    def cuts(size: int) -> set[frozenset[str]]:
        return {
            frozenset(chosen)
            for chosen in combinations(others, size)
            if numbers["h"] in fail(topology.live, [numbers[ci] for ci in chosen]).cause
        }

    pairs = {pair for pair in cuts(2) if not any(single <= pair for single in cuts(1))}
    expected = ("feedA feedB", "core1 core2", "tor1 tor2", "p1 p2", "p1 tor2", "p2 tor1")

    assert cuts(1) == {frozenset({"pdu1"})}
    assert pairs == {frozenset(text.split()) for text in expected}


def test_pass_any_hands_ill_health_on() -> None:
    handing = [dataclasses.replace(need, passes="ANY") if need.owner == "C" else need for need in NEEDS]
    answer = ask(assemble(Estate(CIS, handing, {"lan": LAN})), {"h": "DEGRADED"})

    assert states(answer) == {"h": "DEGRADED", "C": "DEGRADED", "X": "DEGRADED"}
