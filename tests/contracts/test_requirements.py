"""Requirements that people state one by one: said, said otherwise, dropped, refused; and what impact makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmdb.edit import Edit, create
from cmdb.edit import save as edit
from cmdb.errors import Denied, Invalid, NotFound, Refused
from cmdb.exchange.export import confidence_at, export
from cmdb.exchange.restore import restore
from cmdb.identity.decide import Request, decide
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Link, Observation, Report
from cmdb.requirements import (
    ProviderAsked,
    RequirementAsked,
    drop_requirement,
    find_requirement,
    save_requirement,
)
from cmdb.service.control import Control, role_of
from cmdb.service.policy import read_policy
from cmdb.service.reviews import Reviews
from cmdb.store.bolt import BoltStore
from cmdb.topology import Requirement, Topology
from cmdb.topology.suppose import suppose_dropped, suppose_stated
from tests.conftest import emptied
from tests.contracts.test_edit import named
from tests.contracts.test_ingest import ids
from tests.reports import device, port, report

WHY = "asked the owner"
HOST, A, B, C = (f"serial:dell:{n}" for n in ("HOST0001", "FEEDA001", "FEEDB001", "FEEDC001"))


def powered(*feeds: str) -> Report:
    links = tuple(Link("POWERED_BY", feed, {}, "file") for feed in feeds)
    host = device("host", HOST, ci_class="Computer", links=links)
    parts = [device(n, key, ci_class="PowerDevice") for n, key in (("feed-a", A), ("feed-b", B), ("feed-c", C))]
    return report("site", 1, host, port(HOST, "eth0"), *parts)


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    made = Ingest(any_store, model, lambda: 1_000, ids())
    made.run([powered(A, B)], "test", "")
    return made


def lines(ingest: Ingest) -> list[bytes]:
    return list(export(ingest.store, ingest.model, 5_000, confidence_at(5_000, ingest.model)))


def topology(ingest: Ingest) -> Topology:
    made, head = Topology(ingest.model), ingest.store.head()
    made.load(ingest.store.scan_cis(), ingest.store.scan_relationships(), head.sequence, head.at)
    return made


def needs(ingest: Ingest, name: str = "host") -> list[tuple[str, int, list[str], str]]:
    """(origin, needed, providers, what a loss does) of the requirements of a CI."""
    found: tuple[Requirement, ...] = topology(ingest).requirements_of(named(ingest.store, name).id)
    return sorted((r.origin, r.needed, sorted(p.ci.name for p in r.providers), r.on_loss) for r in found)


def asked(ingest: Ingest, *providers: str, owner: str = "host", name: str = "power", **more: Any) -> RequirementAsked:
    given = tuple(ProviderAsked(named(ingest.store, p).id) for p in providers)
    return RequirementAsked(named(ingest.store, owner).id, name, **{"needed": 1, "providers": given, **more})


def save(ingest: Ingest, wanted: RequirementAsked, **more: Any) -> str:
    return save_requirement(ingest, wanted, "eve", WHY, {"lan"}, **more).ci


DEFAULT = ("DEFAULT", 1, ["feed-a", "feed-b"], "AT_RISK")


def test_a_requirement_takes_the_place_of_a_default_until_it_is_dropped(ingest: Ingest, model: Model) -> None:
    before = needs(ingest)
    first = save(ingest, asked(ingest, "feed-a", "feed-b", needed=2))
    stated = needs(ingest)
    same = save_requirement(ingest, asked(ingest, "feed-a", "feed-b", needed=2), "eve", WHY, {"lan"})
    second = save(ingest, asked(ingest, "feed-b", "feed-c", on_loss="degraded"))
    otherwise = needs(ingest)
    done = drop_requirement(ingest, first, "eve", WHY)
    dropped = needs(ingest)
    with pytest.raises(NotFound, match="there is no requirement"):
        drop_requirement(ingest, first, "eve", WHY)
    again = save(ingest, asked(ingest, "feed-a"))

    assert before == dropped == [DEFAULT]
    assert stated == [("MANUAL", 2, ["feed-a", "feed-b"], "AT_RISK")]
    assert not same.committed
    assert otherwise == [("MANUAL", 1, ["feed-b", "feed-c"], "DEGRADED")]
    assert done.committed
    assert first == second == again == find_requirement(ingest.store, named(ingest.store, "host").id, "power").id
    assert needs(ingest) == [("MANUAL", 1, ["feed-a"], "AT_RISK")]
    assert verify(ingest.store, model, deep=True).problems == ()


def test_a_dry_run_writes_nothing_and_plans_what_is_then_written(ingest: Ingest) -> None:
    head = ingest.store.head().sequence
    told = save_requirement(ingest, asked(ingest, "feed-a"), "eve", WHY, {"lan"}, dry_run=True)
    still = ingest.store.head().sequence
    done = save_requirement(ingest, asked(ingest, "feed-a"), "eve", WHY, {"lan"})
    would = drop_requirement(ingest, done.ci, "eve", WHY, dry_run=True)

    assert (still, told.committed, would.committed) == (head, False, False)
    assert told.change_set is not None
    assert done.change_set is not None
    kinds = [[type(c).__name__ for c in planned.changes] for planned in (told.change_set, done.change_set)]
    assert kinds[0] == kinds[1] == ["NewCI", "NewRelationship"]
    assert would.change_set is not None
    assert needs(ingest) == [("MANUAL", 1, ["feed-a"], "AT_RISK")]


def test_parts_need_and_provide_and_several_requirements_stand_beside_each_other(ingest: Ingest) -> None:
    save(ingest, asked(ingest, "feed-a", owner="eth0", name="a"))
    save(ingest, asked(ingest, "feed-b", owner="eth0", name="b"))
    ports = (ProviderAsked(named(ingest.store, "eth0").id, 3, "lan"),)
    save(ingest, asked(ingest, owner="feed-c", name="", providers=ports, needed=2))
    (found,) = topology(ingest).requirements_of(named(ingest.store, "feed-c").id)

    assert [r[:3] for r in needs(ingest, "eth0") if r[0] == "MANUAL"] == [
        ("MANUAL", 1, ["feed-a"]),
        ("MANUAL", 1, ["feed-b"]),
    ]
    assert (found.needed, found.total, found.providers[0].ci.name, found.providers[0].connected) == (
        2,
        3,
        "eth0",
        "lan",
    )


@pytest.mark.parametrize(
    ("wrong", "code", "field", "text"),
    [
        ({"needed": 3}, "INVALID", "needed", "from 0 to 2, what the providers weigh together, not 3"),
        ({"needed": -1}, "INVALID", "needed", "not -1"),
        ({"weight": -5}, "INVALID", "providers.0.weight", "from 1 to 1,000,000, not -5"),
        ({"weight": 0}, "INVALID", "providers.0.weight", "not 0"),
        (
            {"connected": "lna"},
            "NOT_FOUND",
            "providers.0.connected",
            "there is no plane 'lna': it begins when",
        ),
        ({"provider": "host"}, "INVALID", "providers.0.ci", "own provider"),
        ({"provider": "feed-b"}, "INVALID", "providers.1.ci", "named twice"),
        ({"provider": "nobody"}, "NOT_FOUND", "providers.0.ci", "there is no CI 'nobody'"),
        ({"providers": ()}, "REQUIRED", "providers", "needs a provider"),
        ({"many": 1_001}, "TOO_MANY", "providers", "at most 1,000 providers, not 1,001"),
        ({"on_loss": "panic"}, "INVALID", "onLoss", "'panic': there are"),
        ({"passes": "nevr"}, "INVALID", "pass", "did you mean never"),
        ({"name": "x" * 201}, "INVALID", "name", "at most 200 characters, not 201"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    store: BoltStore, model: Model, wrong: dict[str, Any], code: str, field: str, text: str
) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run([powered(A, B)], "test", "")
    known = {n: named(store, n).id for n in ("host", "feed-a", "feed-b")}
    first = known.get(wrong.get("provider", "feed-a"), "nobody")
    pair = ProviderAsked(first, wrong.get("weight", 1), wrong.get("connected", "")), ProviderAsked(known["feed-b"])
    many = tuple(ProviderAsked(f"c{n}") for n in range(wrong.get("many", 0)))
    given = {"name": "power", "needed": 1, "providers": many or pair}
    given |= {n: v for n, v in wrong.items() if n in RequirementAsked.__struct_fields__}

    with pytest.raises(Refused) as refused:
        save(ingest, RequirementAsked(owner=known["host"], **given))
    assert (refused.value.code, refused.value.field) == (code, field)
    assert text in str(refused.value)
    assert store.head().sequence == 1


def test_what_is_gone_needs_and_provides_nothing(store: BoltStore, model: Model) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run([powered(A, B)], "test", "")
    wanted = asked(ingest, "feed-a")
    edit(ingest, named(store, "feed-a").id, Edit(set={"status": "retired"}), "eve", WHY)
    with pytest.raises(Refused, match="feed-a is retired and provides nothing"):
        save(ingest, wanted)
    edit(ingest, named(store, "host").id, Edit(set={"status": "retired"}), "eve", WHY)
    with pytest.raises(Refused, match="host is retired; what is gone needs nothing"):
        save(ingest, asked(ingest, "feed-b"))
    with pytest.raises(NotFound, match="there is no CI 'nobody'"):
        save(ingest, RequirementAsked("nobody", "x", 1, (ProviderAsked(named(store, "feed-b").id),)))
    with pytest.raises(Invalid, match="needs a reason"):
        save_requirement(ingest, wanted, "eve", " ", {"lan"})
    with pytest.raises(Refused, match="host is at revision 2, not 7"):
        save(ingest, asked(ingest, "feed-b"), expected_revision=7)


def test_what_others_state_is_changed_where_they_state_it(store: BoltStore, model: Model) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    words = {"name": "power", "needed": 1, "on_loss": "none", "pass": "never"}
    need = Observation("Requirement", "power", words, parent=HOST, links=(Link("PROVIDED_BY", A, {"weight": 1}),))
    by_file = report("plant", 2, device("host", HOST, ci_class="Computer"), need, source="manual")
    ingest.run([powered(A, B), by_file], "test", "")
    stated = find_requirement(store, named(store, "host").id, "power").id

    with pytest.raises(Refused, match="power of host is stated by manual/plant: change it there"):
        save(ingest, asked(ingest, "feed-b"))
    with pytest.raises(Refused, match="is stated by manual/plant"):
        drop_requirement(ingest, stated, "eve", WHY)
    with pytest.raises(NotFound, match="is a default, which follows from relationships"):
        drop_requirement(ingest, f"req:{named(store, 'host').id}:POWERED_BY:all", "eve", WHY)
    with pytest.raises(NotFound, match="there is no requirement"):
        drop_requirement(ingest, named(store, "host").id, "eve", WHY)


def test_a_provider_without_a_name_of_its_own_is_refused(store: BoltStore, model: Model) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run([powered(A, B)], "test", "")
    create(ingest, Observation("Location", "Location:Hall", {"name": "Hall"}), "eve", WHY)

    with pytest.raises(Refused, match="Hall has no identifier that is its alone"):
        save(ingest, asked(ingest, "Hall"))


def test_it_stays_with_the_owner_through_a_merge_and_an_import(ingest: Ingest, model: Model, tmp_path: Path) -> None:
    save(ingest, asked(ingest, "feed-a", name="first"))
    save(ingest, asked(ingest, "feed-a", owner="feed-c", name="first"))
    save(ingest, asked(ingest, "feed-b", owner="feed-c", name="second"))
    host, gone = named(ingest.store, "host"), named(ingest.store, "feed-c")
    decide(ingest, Request(kind="reclassify", cis=(gone.id,), ci_class="Computer", actor="eve", reason=WHY))
    decide(ingest, Request(kind="merge", cis=(host.id, gone.id), actor="eve", reason=WHY, despite=True))
    merged = needs(ingest)
    save(ingest, asked(ingest, "feed-b", name="first"))
    save(ingest, asked(ingest, "feed-a", name="second"))
    replaced = needs(ingest)
    file = tmp_path / "graph.ndjson"
    file.write_bytes(b"".join(lines(ingest)))
    restore(emptied(ingest.store), model, file, "test", 2_000)  # type: ignore[arg-type] # it is the one over Bolt
    imported = needs(ingest)
    again = Ingest(ingest.store, model, lambda: 3_000, ids())
    for name in ("first", "second"):
        found = find_requirement(ingest.store, host.id, name)
        drop_requirement(again, found.id, "eve", WHY)

    assert merged == [("MANUAL", 1, ["feed-a"], "AT_RISK"), ("MANUAL", 1, ["feed-b"], "AT_RISK")]
    assert imported == replaced == merged
    assert needs(ingest) == [DEFAULT]


POLICY = """
sources: [manual]
approve: [administrator]
default: {edit: [operator, administrator], reason: false, level: automatic}
classes:
  Computer: {relationships: {level: review}}
  PowerDevice: {edit: [administrator]}
"""


def test_control_asks_another_person(store: BoltStore, model: Model, tmp_path: Path) -> None:
    file = tmp_path / "control.yaml"
    file.write_text(POLICY.replace("relationships: {level: review}", "level: review"))
    policy, role = read_policy(file, model), role_of({"eve": "operator", "mona": "administrator", "vera": "viewer"})
    ingest = Ingest(store, model, lambda: 1_000, ids(), role=role)
    ingest.run([powered(A, B)], "test", "")
    ingest.control = Control(store, policy, role, lambda: 2_000)
    reviews = Reviews(ingest, policy, role)

    held = save_requirement(ingest, asked(ingest, "feed-a"), "eve", WHY, {"lan"})
    waits = needs(ingest)
    reviews.approve(reviews.list()[0].id, "mona", "fine")
    approved = needs(ingest)
    stated = find_requirement(store, named(store, "host").id, "power").id
    dropped = drop_requirement(ingest, stated, "eve", WHY)
    still = needs(ingest)
    reviews.approve(reviews.list()[0].id, "mona", "fine")

    assert (held.committed, held.held is not None, dropped.held is not None) == (True, True, True)
    assert waits == needs(ingest) == [DEFAULT]
    assert approved == still == [("MANUAL", 1, ["feed-a"], "AT_RISK")]
    with pytest.raises(Denied, match="may be edited by administrator only"):
        save(ingest, asked(ingest, "feed-a", owner="feed-b"))
    with pytest.raises(Denied, match="vera is viewer and may only read"):
        save_requirement(ingest, asked(ingest, "feed-a"), "vera", WHY, {"lan"})


def test_what_would_be_is_what_then_is(ingest: Ingest) -> None:
    wanted = asked(ingest, "feed-a", "feed-b", needed=2, on_loss="degraded", passes="any")
    before = topology(ingest)
    given = [(p.ci, p.weight, p.connected) for p in wanted.providers]
    supposed = suppose_stated(before, "x", wanted.owner, 2, given, (wanted.on_loss, wanted.passes))
    id_ = save(ingest, wanted)
    after = topology(ingest)
    (stated,) = after.requirements_of(wanted.owner)
    dropped = suppose_dropped(after, wanted.owner, id_)

    assert supposed is not None
    parts = ("needed", "total", "providers", "on_loss", "pass_", "origin", "holds")
    assert [getattr(supposed, n) for n in parts] == [getattr(stated, n) for n in parts]
    assert (stated.name, stated.evidence) == ("power", (f"manual/ci:{wanted.owner}#power",))
    assert dropped == before.requirements_of(wanted.owner)
    assert suppose_stated(before, "x", "nobody", 1, given, ("none", "any")) is None
