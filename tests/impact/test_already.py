"""What comes on top of what has failed already, against the oracle."""

from __future__ import annotations

from random import Random

import pytest

from cmdb.errors import LimitExceeded
from cmdb.impact import Seed, evaluate
from cmdb.impact.evaluate import MOST_OPEN
from tests.impact import generate, oracle
from tests.impact.ask import ask, draw, states
from tests.impact.assemble import assemble
from tests.impact.estate import Estate, needs

ORDER = ("DOWN", "DOWN_PLANNED", "MAINTENANCE", "ISOLATED", "DEGRADED", "AT_RISK")


def both(standing: dict[str, str], asked: dict[str, str]) -> dict[str, str]:
    return {**asked, **{ci: "DOWN" if "DOWN" in (kind, asked.get(ci)) else kind for ci, kind in standing.items()}}


def test_only_what_is_worse_than_before_is_answered(rng: Random, estates: int) -> None:
    shown = hidden = 0
    for number in range(estates // 4):
        estate = draw(rng, number)
        standing = generate.kinds(rng, estate)
        asked = generate.kinds(rng, estate, ("DOWN", "MAINTENANCE"))
        answer = ask(assemble(estate), asked, already=[Seed(ci) for ci in standing])
        before, after = oracle.states(estate, standing), oracle.states(estate, both(standing, asked))
        worse = {ci for ci, s in after.items() if ci not in before or ORDER.index(s) < ORDER.index(before[ci])}
        weaker = {ci for ci, s in after.items() if s == before.get(ci) == "AT_RISK"}
        found = states(answer)
        shown, hidden = shown + len(found), hidden + len(after) - len(found)

        assert worse <= found.keys() <= worse | weaker, (number, estate, standing, asked)
        assert found == {ci: after[ci] for ci in found}
        assert answer.summary.down == sum(state == "DOWN" for state in found.values())
    assert min(shown, hidden) > estates // 10


def test_the_proof_names_what_had_failed_before(rng: Random, estates: int) -> None:
    for number in range(estates // 10):
        estate = draw(rng, number)
        standing, asked = generate.kinds(rng, estate), generate.kinds(rng, estate)
        answer = ask(assemble(estate), asked, already=[Seed(ci) for ci in standing])
        steps = {step.number: step for step in answer.proof}
        given = {step.ci.id for step in answer.proof if step.kind == "SEED"}

        assert given <= standing.keys() | asked.keys()
        assert all(node.order in steps for node in answer.nodes)
        assert all(cited in steps for step in answer.proof for cited in step.cites)


def test_the_second_of_two_feeds() -> None:
    estate = Estate(["a", "b", "h"], [needs("h", 1, "a", "b", on_loss="AT_RISK")])
    topology = assemble(estate)

    assert states(ask(topology, {"b": "DOWN"})) == {"b": "DOWN", "h": "AT_RISK"}
    assert states(ask(topology, {"b": "DOWN"}, already=[Seed("a")])) == {"b": "DOWN", "h": "DOWN"}
    assert states(ask(topology, {"a": "DOWN"}, already=[Seed("a")])) == {}
    assert states(ask(topology, {"b": "DOWN"}, already=[])) == {"b": "DOWN", "h": "AT_RISK"}


def test_what_has_lost_redundancy_once_more_is_shown() -> None:
    estate = Estate(["a", "b", "c", "h"], [needs("h", 1, "a", "b", "c", on_loss="AT_RISK")])
    (node,) = (n for n in ask(assemble(estate), {"b": "DOWN"}, already=[Seed("a")]).nodes if n.ci.id == "h")

    assert (node.state, node.n_more) == ("AT_RISK", 1)


def test_what_is_gone_by_now_has_not_failed() -> None:
    estate = Estate(["a", "b", "h"], [needs("h", 1, "a", "b")])

    assert states(ask(assemble(estate), {"b": "DOWN"}, already=[Seed("z")])) == {"b": "DOWN"}


def test_too_much_has_failed_already() -> None:
    with pytest.raises(LimitExceeded, match="10,001 CIs have failed already; at most 10,000"):
        evaluate(assemble(Estate(["a"])), [Seed("a")], already=[Seed("a")] * (MOST_OPEN + 1))
