"""A thing that turns out to be another CI than at the visit before takes its parts along."""

from __future__ import annotations

import pytest

from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from tests.contracts.test_ingest import ids
from tests.reports import device, port, report

A, B = "serial:x:A", "serial:x:B"


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("alias", [None, "up"])
def test_parts_follow_their_device(any_store: BoltStore, model: Model, complete: bool, alias: str | None) -> None:
    ingest = Ingest(any_store, model, lambda: 1_000, ids())
    ports = (port("rack-1", "1"), port("rack-1", "2", **({"alias": alias} if alias else {})))
    said = (device("a", "rack-1", A), port("rack-1", "1"), port("rack-1", "2"))
    ingest.run([report("t", 1, *said)], "test", "")
    ingest.run([report("b", 2, device("b", B), port(B, "1"), source="ssh")], "test", "")
    ingest.run([report("t", 3, device("b", "rack-1", B), *ports, complete=complete)], "test", "")

    names = {c.id: c.name for c in any_store.scan_cis() if not c.parent}
    found = {
        (names[c.parent], c.local_key): sorted(o for o, f in c.facets.items() if f.gone is None)
        for c in any_store.scan_cis()
        if c.parent
    }
    assert found == {("a", "1"): [], ("a", "2"): [], ("b", "1"): ["snmp/t", "ssh/b"], ("b", "2"): ["snmp/t"]}
    assert verify(any_store, model, deep=True).problems == ()
