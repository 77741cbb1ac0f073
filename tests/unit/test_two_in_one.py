"""When one CI is asked about as two, and when two words of one source are no such question."""

from __future__ import annotations

import pytest

from cmdb.changes import Facet
from cmdb.model.registry import load_model
from cmdb.observation import Identifier, Role
from cmdb.reconcile.questions import two_in_one

MODEL = load_model()
X, Y = "serial:cisco:FOC1111X0AA", "serial:cisco:FOC2222X0BB"
E, F = "engine-id:80000009030000aabbcc0001", "engine-id:80000009030000aabbcc0002"
MACS = ("mac:6c:41:6a:00:10:01", "mac:6c:41:6a:00:10:02")
UUID = "uuid:c07b95ba-c1d7-dd11-8a3e-4e0b68d2380c"
NAME = "sysname:core-1"


def said(
    *keys: str, role: Role = "self", gone: int | None = None, marks: dict[str, int] | None = None, weak: str = ""
) -> Facet:
    identifiers = tuple(Identifier(k, not k.startswith(("sysname:", "mac:")) and k != weak) for k in keys)
    return Facet(1, "", role, "NetworkDevice", {"name": "core-1"}, identifiers, gone, None, marks or {})


def test_two_targets_of_one_source_that_contradict_are_a_question() -> None:
    task = two_in_one("c1", {"snmp/a": said(X, NAME), "ssh/a": said(X), "snmp/b": said(Y, NAME)}, MODEL)

    assert task is not None
    assert (task.kind, task.proposal, task.state, task.cis) == ("conflict", "split", "open", ("c1",))
    assert [(e.key, e.weight, e.source) for e in task.evidence] == [(k, "contradicts", "snmp") for k in (X, Y)]
    assert task.text == "snmp describes it as two things, under a and under b"


@pytest.mark.parametrize(
    ("why", "facets"),
    [
        ("both have a serial number", {"snmp/a": said(X, Y), "snmp/b": said(Y)}),
        ("one of them knows none", {"snmp/a": said(X, NAME), "snmp/b": said(NAME)}),
        ("something strong agrees", {"snmp/a": said(X, UUID, *MACS), "snmp/b": said(Y, UUID, *MACS)}),
        ("most addresses are the same", {"snmp/a": said(X, *MACS), "snmp/b": said(Y, *MACS)}),
        ("an agent may be set up anew", {"snmp/a": said(E, NAME), "snmp/b": said(F, NAME)}),
        ("sources may contradict: precedence tells", {"snmp/a": said(X), "ssh/b": said(Y)}),
        ("it is one target, of which a part was read", {"snmp/a": said(X), "snmp#links/a": said(Y)}),
        ("a person merged them", {"snmp/a": said(X), "c2>snmp/b": said(Y)}),
        ("one is gone", {"snmp/a": said(X), "snmp/b": said(Y, gone=5)}),
        ("one is stale", {"snmp/a": said(X), "snmp/b": said(Y, marks={"stale": 5})}),
        ("one was only told of", {"snmp/a": said(X), "snmp/b": said(Y, role="reported")}),
        ("one is not sure", {"snmp/a": said(X), "snmp/b": said(Y, weak=Y)}),
    ],
)
def test_what_is_no_question(why: str, facets: dict[str, Facet]) -> None:
    assert two_in_one("c1", facets, MODEL) is None, why
