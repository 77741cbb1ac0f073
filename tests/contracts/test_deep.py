"""Whatever is altered in the store is found, and named: the thing, the property, and the commit that wrote it last."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cmdb.changes import (
    EndCI,
    EndRelationship,
    LinkFacet,
    MoveCI,
    NewCI,
    Pending,
    PutRecord,
    PutTask,
    SetRelationship,
)
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.observation import Identifier
from cmdb.store.bolt import BoltStore
from tests.contracts.build import AT, ORIGIN, changed, commit, device, facet, interface, relationship, target
from tests.contracts.old_form import alter, rewrite_as_form_1

KEY = Identifier("serial:cisco:FOC1")
GONE = facet({"name": "d1", "sys_contact": "Eve"}, gone=AT + 3, seen=AT + 2)


def told(store: BoltStore) -> None:
    """A graph with every kind of node that the ledger speaks of, the history of each behind it."""
    born = device("d1", "Core-1", (KEY, Identifier("sysname:core-1", False)), sys_contact="Ada", roles=["switch"])
    born.facets["manual/site"] = GONE
    cable = relationship("d1", "DEPENDS_ON", "d2", group_key="g")
    commit(store, born, device("d2"), interface("i1", "d1", "ge-0", mtu=1500), cable, targets=[target()])
    commit(store, changed(born, sys_contact="Bob", vendor="cisco"), at=AT + 5)
    facets = {ORIGIN: LinkFacet(AT, "lldp"), "ssh/x": LinkFacet(AT + 5, "lldp")}
    commit(store, SetRelationship("d1", "DEPENDS_ON", "d2", {"group_key": "h"}, facets), at=AT + 6)
    commit(store, PutTask("t1", "conflict", "open", ORIGIN, "target:x", ("a",), ("d1",), "which?"), at=AT + 7)
    commit(store, PutRecord("r1", "baseline", "made", "May", ("d1",), {"n": 1}, {"note": "for Eve"}), at=AT + 8)
    wait = Pending("serial:x:1", "", "d1", "DEPENDS_ON", ORIGIN, LinkFacet(AT, "file", {}))
    commit(store, device("d3"), interface("i2", "d3", "ge-1"), pending=[wait], at=AT + 9)
    commit(store, MoveCI("i2", "Interface", "d2", "ge-1"), EndCI("d3", "d2"), at=AT + 10)
    commit(store, EndRelationship("d1", "DEPENDS_ON", "d2"), cable, at=AT + 11)


NODES = {
    "CI": ("(x:CI {id: 'd1'})", "CI d1"),
    "dependent CI": ("(x:CI {id: 'i1'})", "CI i1"),
    "version": ("(x:CIVersion {id: 'd1'})", "CI d1, version from"),
    "absorbed version": ("(x:CIVersion {id: 'd3'})", "CI d3, version from"),
    "moved version": ("(x:CIVersion {id: 'i2'})", "CI i2, version from"),
    "relationship": ("()-[x:DEPENDS_ON]->()", "relationship DEPENDS_ON d1 → d2"),
    "tie": ("(:CI {id: 'd1'})-[x:CONTAINS]->()", "relationship CONTAINS d1 → i1"),
    "relationship version": (f"(x:RelVersion {{rel_type: 'DEPENDS_ON', to: {AT + 6}}})", "relationship DEPENDS_ON"),
    "ended relationship": (f"(x:RelVersion {{rel_type: 'DEPENDS_ON', to: {AT + 11}}})", "relationship DEPENDS_ON"),
    "ended tie": ("(x:RelVersion {rel_type: 'CONTAINS'})", "relationship CONTAINS d3 → i2"),
    "task": ("(x:Task)", "identity task t1"),
    "record": ("(x:Record)", "record r1"),
    "absorbed": ("(x:Absorbed)", "absorbed CI d3"),
}


def other(value: Any) -> Any:
    """Another value of the same kind, as near as it can be."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value, "x"]
    assert isinstance(value, str)
    return value.replace("Eve", "Eva") if "Eve" in value else value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"


@pytest.mark.parametrize("kind", NODES)
def test_every_altered_property_is_named(any_store: BoltStore, model: Model, kind: str) -> None:
    told(any_store)
    pattern, name = NODES[kind]
    properties, eid = any_store.connection.rows(f"MATCH {pattern} RETURN properties(x), elementId(x)")[0]
    assert verify(any_store, model, deep=True).problems == ()
    by_element = "()-[x]->()" if pattern.startswith("(") and "-[x" in pattern else "(x)"

    for key, value in sorted(properties.items()):
        if value is None:
            continue
        statement = f"MATCH {by_element} WHERE elementId(x) = $eid SET x.`{key}` = $value"
        alter(any_store, statement, value=other(value), eid=eid)
        found = "\n".join(verify(any_store, model, deep=True).problems)
        assert name in found, key
        assert key in found or "facet" in found or key in ("id", "source_id", "target_id", "rel_type"), (key, found)
        assert re.search(r"commit \d+ (wrote|ended) it", found), (key, found)
        assert not re.search("Ada|Bob|Ev[ea]", found)
        alter(any_store, statement, value=value, eid=eid)

    assert verify(any_store, model, deep=True).problems == ()


ALTERED: dict[str, tuple[str, str]] = {
    "identifier": (
        "MATCH (i:Identifier {key: 'serial:cisco:FOC1'}) SET i.key = 'serial:cisco:FOC2'",
        "serial:cisco:FOC2",
    ),
    "strength": (
        "MATCH (:Identifier {key: 'sysname:core-1'})-[o]->() SET o.strong = true",
        "identifier sysname:core-1 is",
    ),
    "identifier untied": ("MATCH (:Identifier {key: 'sysname:core-1'})-[o]->() DELETE o", "sysname:core-1 names no CI"),
    "identifier added": ("CREATE (:Identifier {key: 'x:1'})", "the identifier x:1 names no CI"),
    "attribute added": ("MATCH (c:CI {id: 'i1'}) SET c.alias = 'x'", "CI i1: attribute alias is"),
    "attribute gone": ("MATCH (c:CI {id: 'i1'}) REMOVE c.mtu", "CI i1: attribute mtu is absent"),
    "another type": ("MATCH (c:CI {id: 'i1'}) SET c.mtu = 1500.0", "CI i1: attribute mtu is"),
    "a time": ("MATCH (c:CI {id: 'i1'}) SET c.mtu = date('2026-05-01')", "CI i1: attribute mtu is"),
    "CI gone": ("MATCH (c:CI {id: 'i1'}) DETACH DELETE c", "CI i1 is in the ledger, but not in the graph; commit 1"),
    "CI added": (
        "CREATE (:CI {id: 'z', class: 'Interface', facets: '{}'})",
        "CI z is in the graph, but not in the ledger",
    ),
    "CI returned": (
        "CREATE (:CI {id: 'd3', facets: '{}'})",
        "CI d3 is in the graph, but not in the ledger; commit 7 ended it",
    ),
    "facet": (
        """MATCH (c:CI {id: 'd1'}) SET c.facets = replace(c.facets, '"Eve"', '"Eva"')""",
        "CI d1: facet manual/site: attribute sys_contact is",
    ),
    "facet no JSON": ("MATCH (c:CI {id: 'd1'}) SET c.facets = '{'", "CI d1: facets is"),
    "facet spaced": (
        "MATCH (c:CI {id: 'd1'}) SET c.facets = c.facets + ' '",
        "CI d1: its facets are written in another way",
    ),
    "relationship gone": (
        "MATCH ()-[r:DEPENDS_ON]->() DELETE r",
        "relationship DEPENDS_ON d1 → d2 is in the ledger, but",
    ),
    "relationship twice": (
        "MATCH (a)-[r:DEPENDS_ON]->(b) CREATE (a)-[s:DEPENDS_ON]->(b) SET s = properties(r)",
        "relationship DEPENDS_ON d1 → d2 is in the graph 2 times",
    ),
    "relationship added": (
        "MATCH (a:CI {id: 'd2'}) MATCH (b:CI {id: 'd1'}) CREATE (a)-[:DEPENDS_ON {from: 1}]->(b)",
        "relationship DEPENDS_ON d2 → d1 is in the graph, but not in the ledger",
    ),
    "tie gone": (
        "MATCH (:CI {id: 'd2'})-[r:CONTAINS]->() DELETE r",
        "relationship CONTAINS d2 → i2 is in the ledger, but",
    ),
    "version gone": (
        "MATCH (v:CIVersion {id: 'd1'}) DELETE v",
        "is in the ledger, but not in the history; commit 1 wrote it",
    ),
    "version added": (
        "CREATE (:CIVersion {id: 'd1', to: 1, facets: '{}'})",
        "is in the history, but not in the ledger",
    ),
    "link version gone": ("MATCH (v:RelVersion {rel_type: 'CONTAINS'}) DELETE v", "CONTAINS d3 → i2, version from"),
    "task gone": ("MATCH (t:Task) DELETE t", "identity task t1 is in the ledger, but not in the graph; commit 4"),
    "record gone": ("MATCH (t:Record) DETACH DELETE t", "record r1 is in the ledger, but not in the graph; commit 5"),
    "record added": ("CREATE (:Record {id: 'r9', state: 'made'})", "record r9 is in the graph, but not in the ledger"),
    "record untied": ("MATCH (:Record)-[a:ABOUT]->() DELETE a", "record r1 is not tied to CI d1"),
    "record tied elsewhere": (
        "MATCH (r:Record) MATCH (c:CI {id: 'd2'}) CREATE (r)-[:ABOUT]->(c)",
        "record r1 is tied to CI d2, against what it says",
    ),
    "record tied twice": (
        "MATCH (r:Record) MATCH (c:CI {id: 'd1'}) CREATE (r)-[:ABOUT]->(c)",
        "record r1 is tied to CI d1 more than once",
    ),
    "redirect gone": ("MATCH (t:Absorbed) DELETE t", "absorbed CI d3 is in the ledger, but not in the graph; commit 7"),
    "waiting link": (
        "MATCH (p:Pending) WHERE p.id IS NOT NULL SET p.type = 'RUNS_ON'",
        "was altered: its content does not give its id",
    ),
    "waiting link's facet": (
        "MATCH (p:Pending) WHERE p.id IS NOT NULL SET p.facet = ''",
        "was altered: its content does not give its id",
    ),
}


@pytest.mark.parametrize("kind", ALTERED)
def test_what_was_added_or_taken_away_is_named(any_store: BoltStore, model: Model, kind: str) -> None:
    told(any_store)
    statement, message = ALTERED[kind]
    alter(any_store, statement)

    found = verify(any_store, model, deep=True)

    assert message in "\n".join(found.problems)
    assert (found.commits, found.first_bad) == (8, 0)


def test_a_line_says_the_values_by_their_digests_and_who_wrote_the_right_one(store: BoltStore, model: Model) -> None:
    told(store)
    alter(store, "MATCH (c:CI {id: 'd1'}) SET c.vendor = 'juniper', c.revision = 9")

    one, two = verify(store, model, deep=True).problems

    assert re.fullmatch(
        r"CI d1: attribute vendor is [0-9a-f]{16}, the ledger says [0-9a-f]{16}; commit 2 wrote it last", one
    )
    assert re.fullmatch(r"CI d1: revision is [0-9a-f]{16}, the ledger says [0-9a-f]{16}; commit 2 wrote it last", two)


def test_much_that_differs_is_counted(store: BoltStore, model: Model) -> None:
    commit(store, *(device(f"d{n:02}") for n in range(30)))
    alter(store, "MATCH (c:CI) WHERE c.id IS NOT NULL SET c.status = 'retired'")

    problems = verify(store, model, deep=True).problems

    assert len(problems) == 21
    assert problems[-1] == "and 10 more things that differ"


def test_an_import_of_an_earlier_version_did_not_note_revisions(store: BoltStore, model: Model) -> None:
    born = device("d1", vendor="cisco")
    commit(store, born)
    commit(store, changed(born, vendor="juniper"), at=AT + 1)
    rewrite_as_form_1(store, "import")
    alter(store, "MATCH (c:CI) WHERE c.id IS NOT NULL SET c.revision = 18")
    alter(store, "MATCH (c:CIVersion) SET c.revision = 17")

    assert verify(store, model, deep=True).problems == ()
    alter(store, "MATCH (c:CIVersion) SET c.vendor = 'hp'")
    assert "attribute vendor" in verify(store, model, deep=True).problems[0]


def test_whatever_order_a_class_changes_in_the_tie_is_found(any_store: BoltStore, model: Model) -> None:
    part = NewCI("s1", "SoftwareInstance", "d1", "sshd", "in_service", {"name": "sshd"}, (), {ORIGIN: facet()}, AT)
    commit(any_store, device("d1"), device("d2"), part)
    commit(any_store, changed(part, product="openssh"), MoveCI("s1", "SoftwareInstance", "d2", "sshd"), at=AT + 1)
    kept = any_store.connection.rows("MATCH (v:CIVersion {id: 's1'}) RETURN v.key, v.revision")

    assert kept == [["d1|SoftwareInstance|sshd", 1]]  # the version tells where it was
    assert any_store.cis(["s1"])[0].revision == 2
    assert verify(any_store, model, deep=True).problems == ()
