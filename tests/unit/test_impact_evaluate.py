"""The impact question at its edges: arguments, order, pages, states of seeds, findings."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from cmdb.entrypoints.pictures import chain
from cmdb.errors import CmdbError, Invalid, LimitExceeded, NotFound, UsageError
from cmdb.impact import Seed, evaluate
from cmdb.store.protocol import CIRef
from cmdb.topology import Topology
from tests.impact.ask import ask, states
from tests.impact.assemble import assemble, from_world, world
from tests.impact.estate import Estate, Ground, needs

SHOP = (
    "host:Computer",
    "db:SoftwareInstance@host",
    "spare:Computer",
    "db2:SoftwareInstance@spare",
    "shop:Service criticality=4",
    "blog:Service criticality=1",
    "wiki:Service",
)


def shop() -> Topology:
    links = "shop-db/group_key=data shop-db2/group_key=data blog-db wiki-db"
    return from_world(world(*SHOP, DEPENDS_ON=links), sequence=7, at=1_700_000_000_000)


@pytest.mark.parametrize(
    ("seeds", "options", "error", "text"),
    [
        ([], {}, UsageError, "no seeds"),
        ([Seed("host")] * 1_001, {}, LimitExceeded, "1,001 seeds; at most 1,000"),
        ([Seed("host")], {"first": 0}, LimitExceeded, "first is 0; give 1 to 10,000"),
        ([Seed("host")], {"first": 10_001}, LimitExceeded, "first is 10001"),
        ([Seed("host")], {"skip": -1}, UsageError, "skip is -1"),
        ([Seed("host")], {"only": ["host"] * 101}, LimitExceeded, "only names 101 CIs"),
        ([Seed("nobody")], {}, NotFound, r"no CI has the id 'nobody'.*commit 7"),
        ([Seed("host")], {"only": ["nobody"]}, NotFound, "no CI has the id 'nobody'"),
    ],
)
def test_bad_arguments(seeds: list[Seed], options: dict[str, Any], error: type[CmdbError], text: str) -> None:
    with pytest.raises(error, match=text):
        evaluate(shop(), seeds, **options)


def test_a_retired_or_internal_seed_is_refused() -> None:
    made = world("a:Service", "old:Computer !retired", "r:Requirement@a needed=1")
    topology = from_world(made)

    with pytest.raises(Invalid, match=r"old .* is retired"):
        ask(topology, {"old": "DOWN"})
    with pytest.raises(NotFound, match="no CI has the id 'r'"):
        ask(topology, {"r": "DOWN"})


def test_services_first_then_state_severity_and_name() -> None:
    answer = ask(shop(), {"host": "DOWN"})

    assert [(n.ci.id, n.state, n.severity) for n in answer.nodes] == [
        ("blog", "DOWN", 1.0),
        ("wiki", "DOWN", 1.0),
        ("shop", "AT_RISK", 1.0),
        ("db", "DOWN", 1.0),
        ("host", "DOWN", 1.0),
    ]
    assert [n.is_service for n in answer.nodes] == [True, True, True, False, False]
    assert [(s.ci.id, s.state, s.criticality) for s in answer.summary.services] == [
        ("blog", "DOWN", 1),
        ("wiki", "DOWN", 1),
        ("shop", "AT_RISK", 4),
    ]
    assert (answer.sequence, answer.as_of, answer.policy_version) == (7, 1_700_000_000_000, shop().policy.version)
    assert not answer.truncated


def test_pages_are_cut_and_the_summary_is_not() -> None:
    whole, topology = ask(shop(), {"host": "DOWN"}), shop()
    pages = [evaluate(topology, [Seed("host")], first=2, skip=skip) for skip in (0, 2, 4)]

    assert tuple(n for page in pages for n in page.nodes) == whole.nodes
    assert tuple(s for page in pages for s in page.proof) == whole.proof
    assert [page.truncated for page in pages] == [True, True, True]
    assert [page.summary for page in pages] == [whole.summary] * 3


def test_only_gives_the_proof_of_these_cis() -> None:
    answer = ask(shop(), {"host": "DOWN", "spare": "DOWN"}, only=["blog"])

    assert [n.ci.id for n in answer.nodes] == ["blog"]
    assert {s.ci.id for s in answer.proof} == {"host", "db", "blog"}
    assert all(cited in {s.number for s in answer.proof} for s in answer.proof for cited in s.cites)
    assert answer.summary.service_count == 3


def test_text_of_a_proof_reads_like_a_sentence() -> None:
    answer = ask(shop(), {"host": "DOWN"})
    texts = {step.ci.id: step.text for step in answer.proof}

    assert texts["host"] == "host is down: given."
    assert texts["db"] == "db on host is down: it needs 1 of 1, 0 left without host."
    assert texts["shop"] == "shop is at risk: it needs 1 of 2, 1 left without db on host."


def test_the_way_of_a_failure_is_told_from_the_class_it_came_from() -> None:
    answer = ask(shop(), {"host": "DOWN", "spare": "DOWN"})

    assert [ci.id for ci in chain(answer, "blog", "Computer")] == ["host", "db", "blog"]
    assert chain(answer, "blog", "PowerDevice") == []
    assert chain(answer, "nobody", "Computer") == []


def test_maintenance_names_what_only_the_window_takes_down() -> None:
    answer = ask(shop(), {"host": "DOWN", "spare": "MAINTENANCE"})

    assert states(answer) == {
        "host": "DOWN",
        "db": "DOWN",
        "blog": "DOWN",
        "wiki": "DOWN",
        "spare": "MAINTENANCE",
        "db2": "DOWN_PLANNED",
        "shop": "DOWN_PLANNED",
    }
    assert (answer.summary.down, answer.summary.down_planned, answer.summary.maintenance) == (4, 2, 1)


def test_a_window_that_is_down_anyway_is_down() -> None:
    assert states(ask(shop(), {"host": "DOWN", "db": "MAINTENANCE"}))["db"] == "DOWN"


def test_pinned_up_stays_up_and_carries() -> None:
    assert states(ask(shop(), {"host": "DOWN", "db": "PINNED_UP"})) == {"host": "DOWN"}


def test_release_means_test_again_and_breaks_nothing() -> None:
    made = world(*SHOP, "pg:SoftwareProduct", DEPENDS_ON="shop-db blog-db2", INSTALLED_ON="pg-host")
    answer = ask(from_world(made), {"pg": "RELEASE"})
    used = {s.ci.id: [answer.proof[n - 1].ci.id for n in s.cites] for s in answer.proof}

    assert states(answer) == dict.fromkeys(("pg", "host", "db", "shop"), "TO_RETEST")
    assert used == {"pg": [], "host": ["pg"], "db": ["host"], "shop": ["db"]}
    assert all(n.to_retest for n in answer.nodes)
    assert (answer.summary.to_retest, answer.summary.down) == (4, 0)


def test_to_be_tested_again_besides_another_state() -> None:
    answer = ask(shop(), {"host": "DOWN", "db": "RELEASE"})
    (node,) = [n for n in answer.nodes if n.ci.id == "blog"]

    assert (node.state, node.to_retest) == ("DOWN", True)
    assert answer.summary.to_retest == 4  # db, shop, blog, wiki
    assert {s.kind for s in ask(shop(), {"host": "DOWN", "db": "RELEASE"}, only=["blog"]).proof} == {
        "SEED",
        "GROUP_BROKEN",
        "USES_RELEASED",
    }


def test_a_missing_provider_counts_as_up_and_is_reported_when_touched() -> None:
    made = world(*SHOP, DEPENDS_ON="shop-db/group_key=data shop-db2/group_key=data")
    made.cis["db2"].status = "missing"
    topology = from_world(made)
    answer = ask(topology, {"host": "DOWN"})

    assert states(answer)["shop"] == "AT_RISK"
    assert [(f.ci.id, f.kind) for f in answer.findings] == [("shop", "PROVIDER_GONE")]
    assert "db2, which is missing" in answer.findings[0].text


def test_search_for_further_failures_gives_up_and_says_so() -> None:
    estate = Estate(["a", "b", "c", "h"], [needs("h", 1, "a", "b", "c", on_loss="AT_RISK")])

    def more(steps: int) -> list[int | None]:
        answer = evaluate(assemble(estate), [Seed("a")], margin_steps=steps)
        return [n.n_more for n in answer.nodes if n.ci.id == "h"]

    assert more(10_000) == [2]
    assert more(1) == [None]


def test_long_paths_are_given_by_their_ends() -> None:
    chain = [f"s{n:03d}" for n in range(100)]
    ground = Ground(set(chain), {frozenset(pair) for pair in pairwise(chain)}, {"s000"})
    estate = Estate([*chain, "a", "h"], [needs("h", 1, ("lan", "s099"), "a")], {"lan": ground})
    (spared,) = ask(assemble(estate), {"a": "DOWN"}).spared

    assert [ci.id for ci in spared.live_path] == [*chain[:67:-1], *chain[31::-1]]


def test_answer_survives_encoding() -> None:
    answer = ask(shop(), {"host": "DOWN"})

    assert msgspec.json.decode(msgspec.json.encode(answer), type=type(answer)) == answer


def test_pages_together_are_the_whole_answer() -> None:
    hosts = tuple(f"h{n}:Computer" for n in range(9))
    services = tuple(f"s{n}:Service criticality={n % 4 + 1}" for n in range(8))
    fed = " ".join(f"h{n}-feed h{n}-{'feed' if n % 3 else 'spare'}" for n in range(9))
    needed = " ".join(f"s{n}-h{n}/group_key=one s{n}-h{n + 1}/group_key=one" for n in range(8))
    topology = from_world(
        world("feed:PowerDevice", "spare:PowerDevice", *hosts, *services, POWERED_BY=fed, DEPENDS_ON=needed)
    )
    whole = ask(topology, {"feed": "DOWN"})
    pages = [evaluate(topology, [Seed("feed")], first=2, skip=skip) for skip in range(0, 20, 2)]

    assert {node.state for node in whole.nodes} == {"DOWN", "AT_RISK"}
    for name in ("nodes", "proof", "spared"):
        assert tuple(entry for page in pages for entry in getattr(page, name)) == getattr(whole, name)
    assert {page.summary for page in pages} == {whole.summary}


def test_a_part_is_called_by_its_device_too() -> None:
    topology = from_world(
        world("sw:NetworkDevice", "c:Chassis@sw", "p:Interface@c", "room:Location", "sw-psu:Module@sw", "m:Module@sw")
    )

    def title(id_: str) -> str:
        number = topology.find(id_)
        assert number is not None
        return topology.title(topology.ref(number))

    assert [title(id_) for id_ in ("sw", "p", "m", "room")] == ["sw", "sw / p", "sw / m", "room"]
    assert topology.title(CIRef("gone", "Module", "psu 9")) == "psu 9"
