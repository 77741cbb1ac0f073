"""What people say of single CIs: set, lock, unlock, take back."""

from __future__ import annotations

from typing import Any

import pytest

from cmdb.edit import Edit, edit_origin, save
from cmdb.errors import Invalid, NotFound
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.reconcile.claims import claims_of, disagreements
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import CIRecord
from tests.contracts.test_ingest import ids
from tests.reports import SERIAL, device, port, report

WHY = "walked the hall"


@pytest.fixture
def ingest(any_store: BoltStore, model: Model) -> Ingest:
    made = Ingest(any_store, model, lambda: 1_000, ids())
    said = device("core-1", SERIAL, "target:core-1", os_version="1", sys_location="Hall 1")
    made.run([report("core-1", 1, said, port(SERIAL, "Gi1", oper_status="up", alias="a"))], "test", "")
    return made


def named(store: BoltStore, name: str) -> CIRecord:
    (found,) = (c for c in store.scan_cis() if c.name == name)
    return found


def edited(ingest: Ingest, name: str, **what: Any) -> CIRecord:
    ci = named(ingest.store, name).id
    save(ingest, ci, Edit(**what), "eve", WHY)
    return ingest.store.cis([ci])[0]


def test_a_value_is_set_and_taken_back(ingest: Ingest, any_store: BoltStore, model: Model) -> None:
    held = edited(ingest, "core-1", set={"sys_location": "Hall 3"}).attributes
    more = edited(ingest, "core-1", set={"sys_contact": "Ann"}).attributes
    again = save(ingest, named(any_store, "core-1").id, Edit(set={"sys_contact": "Ann"}), "eve", WHY)
    back = edited(ingest, "core-1", unset=("sys_location",))
    nothing = edited(ingest, "core-1", unset=("sys_contact",))

    assert (held["sys_location"], more["sys_location"], more["sys_contact"]) == ("Hall 3", "Hall 3", "Ann")
    assert not again.committed
    assert (back.attributes["sys_location"], back.attributes["sys_contact"]) == ("Hall 1", "Ann")
    assert "sys_contact" not in nothing.attributes
    assert (nothing.status, nothing.attributes["os_version"]) == ("in_service", "1")
    assert verify(any_store, model, deep=True).problems == ()


def test_a_lock_holds_where_people_otherwise_know_less(ingest: Ingest, any_store: BoltStore, model: Model) -> None:
    lost = edited(ingest, "Gi1", set={"oper_status": "down"})
    locked = edited(ingest, "Gi1", lock=("oper_status",))
    (shown,) = disagreements(locked.facets, "Interface", model)
    verdicts = [c.verdict for c in claims_of(locked.facets, "Interface", "oper_status", model.precedence)]
    free = edited(ingest, "Gi1", unlock=("oper_status",))

    assert (lost.attributes["oper_status"], locked.attributes["oper_status"]) == ("up", "down")
    assert (shown.attribute, shown.value, shown.hidden, shown.verdict) == ("oper_status", "down", "up", "LOCKED")
    assert verdicts == ["WON", "LOCKED"]
    assert free.attributes["oper_status"] == "up"
    assert list(disagreements(free.facets, "Interface", model)) == []


def test_the_value_that_holds_can_be_locked(ingest: Ingest) -> None:
    locked = edited(ingest, "Gi1", lock=("alias",))
    ingest.run([report("core-1", 2, device("core-1", SERIAL), port(SERIAL, "Gi1", alias="b"))], "test", "")

    assert locked.facets[edit_origin(locked.id)].locks == ("alias",)
    assert named(ingest.store, "Gi1").attributes["alias"] == "a"


def test_retired_by_a_person_and_still_seen_is_shown(ingest: Ingest, model: Model) -> None:
    gone = edited(ingest, "core-1", set={"status": "retired"})
    found = [(d.attribute, d.hidden, d.hidden_origin) for d in disagreements(gone.facets, gone.ci_class, model)]
    back = edited(ingest, "core-1", unset=("status",))

    assert (gone.status, found) == ("retired", [("status", "in_service", "snmp/core-1")])
    assert back.status == "in_service"


def test_an_edit_keeps_nothing_alive_and_nothing_in_its_class(ingest: Ingest) -> None:
    edited(ingest, "core-1", set={"sys_contact": "Ann"})
    moved = device("core-1", SERIAL, "target:core-1", ci_class="Computer", os_version="1")
    ingest.run([report("core-1", 2, moved)], "test", "")

    assert named(ingest.store, "core-1").ci_class == "Computer"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Edit(set={"vendr": "x"}), "NetworkDevice has no attribute 'vendr'; did you mean vendor?"),
        (Edit(unlock=("vendor",)), "vendor of core-1 is not locked"),
        (Edit(unset=("vendor",)), "no person said vendor of core-1"),
        (Edit(lock=("vendor",)), "core-1 has no vendor that could be locked; give a value"),
        (Edit(set={"status": "missing"}), "'missing' is no status to claim"),
        (Edit(set={"mac_addresses": ["x"]}), "mac_addresses: "),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    store: BoltStore, model: Model, edit: Edit, expected: str
) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run([report("core-1", 1, device("core-1", SERIAL))], "test", "")

    with pytest.raises(Invalid, match=expected.replace("?", r"\?")):
        save(ingest, named(store, "core-1").id, edit, "eve", WHY)
    assert store.head().sequence == 1


def test_an_edit_needs_a_reason_a_ci_and_the_revision_that_was_looked_at(store: BoltStore, model: Model) -> None:
    ingest = Ingest(store, model, lambda: 1_000, ids())
    ingest.run([report("core-1", 1, device("core-1", SERIAL))], "test", "")
    ci = named(store, "core-1").id
    edit = Edit(set={"vendor": "Cisco"})

    with pytest.raises(Invalid, match="needs a reason"):
        save(ingest, ci, edit, "eve", " ")
    with pytest.raises(NotFound, match="there is no CI 'nobody'"):
        save(ingest, "nobody", edit, "eve", WHY)
    with pytest.raises(Invalid, match="is at revision 1, not 7"):
        save(ingest, ci, edit, "eve", WHY, expected_revision=7)
    told = save(ingest, ci, edit, "eve", WHY, dry_run=True)
    assert (told.sequence, told.committed, told.change_set is not None) == (1, False, True)
