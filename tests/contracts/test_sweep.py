"""Sweeps on real engines: found by the store, written once, proven by the ledger."""

from __future__ import annotations

import pytest

from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.absence import HOUR_MS
from cmdb.model.registry import Model
from cmdb.observation import Report
from cmdb.store.bolt import BoltStore
from cmdb.sweep import Swept, sweep
from tests.contracts.test_ingest import ids
from tests.reports import SERIAL, device, port, report


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    return Ingest(any_store, model, lambda: 1_000, ids())


def visit(hour: int, *ports: str, source: str = "snmp", **attributes: object) -> Report:
    said = (device("core-1", SERIAL, "target:core-1", **attributes), *(port(SERIAL, p) for p in ports))
    return report("core-1", hour * HOUR_MS, *said, source=source)


def statuses(store: BoltStore) -> dict[str, str]:
    return {c.name: c.status for c in store.scan_cis()}


def test_runs_that_change_nothing_count(ingest: Ingest, any_store: BoltStore, model: Model) -> None:
    """The second and the third run without the port are unchanged: nothing of them is read, and they count."""
    ingest.run([visit(1, "1", "2")], "test", "")
    for hour in (2, 3, 30):
        ingest.run([visit(hour, "1")], "test", "")
    early = statuses(any_store)
    told = sweep(ingest, 30 * HOUR_MS, "test", dry_run=True)
    first, again = (sweep(ingest, 30 * HOUR_MS, "test") for _ in range(2))
    late = statuses(any_store)
    ingest.run([visit(31, "1", "2")], "test", "")

    assert early == {"core-1": "in_service", "1": "in_service", "2": "in_service"}
    assert (told.missing, told.sequence) == (1, 2)
    assert first == Swept(missing=1, commits=1, sequence=3)
    assert again == Swept(sequence=3)
    assert late == {"core-1": "in_service", "1": "in_service", "2": "missing"}
    assert statuses(any_store)["2"] == "in_service"
    assert verify(any_store, model, deep=True).problems == ()


def test_a_stale_source_wins_again_with_its_next_unchanged_visit(ingest: Ingest, any_store: BoltStore) -> None:
    ingest.run([visit(1, "1", os_version="1")], "test", "")
    ingest.run([visit(80, os_version="2", source="inventory")], "test", "")
    sweep(ingest, 80 * HOUR_MS, "test")
    (while_silent,) = (c for c in any_store.scan_cis() if c.name == "core-1")
    done = ingest.run([visit(81, "1", os_version="1")], "test", "")
    (after,) = (c for c in any_store.scan_cis() if c.name == "core-1")
    again = ingest.run([visit(82, "1", os_version="1")], "test", "")

    assert (while_silent.attributes["os_version"], after.attributes["os_version"]) == ("2", "1")
    assert len(done.change_set.changes) == 2  # the device and its port
    assert not again.committed
    assert sweep(ingest, 82 * HOUR_MS, "test").commits == 0


def test_a_status_is_claimed_by_people_only(ingest: Ingest, any_store: BoltStore) -> None:
    spare = report("f", 1, device("spare", "serial:x:S", status="in_stock"), source="manual")
    ingest.run([spare], "test", "")
    refused = ingest.run([report("r", 1, device("r", "serial:x:R", status="retired"))], "test", "")
    wrong = ingest.run([report("g", 1, device("g", "serial:x:G", status="missing"), source="manual")], "test", "")

    assert statuses(any_store) == {"spare": "in_stock", "r": "in_service", "g": "in_service"}
    assert "manual and stock claim a status" in refused.problems[0].message
    assert wrong.problems[0].message.startswith("'missing' is no status to claim; there are")


def test_a_long_list_is_swept_in_several_commits(ingest: Ingest, any_store: BoltStore) -> None:
    ingest.run([report(f"d{n}", 1, device(f"d{n}", f"serial:x:{n}")) for n in range(130)], "test", "")
    done = sweep(ingest, 1_000 * HOUR_MS, "test")

    assert (done.stale, done.commits) == (130, 3)
    assert sweep(ingest, 2_000 * HOUR_MS, "test").commits == 0
