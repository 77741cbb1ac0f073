"""Virtual machines of a hypervisor: what it tells of them, and that they are what they say of themselves."""

from __future__ import annotations

import pytest

from cmdb.observation import Link
from collectors.hosts.guests import Guest, guests, observe
from collectors.hosts.interpret import interpret
from collectors.hosts.read import DMI, DMI_GUARDED, GUESTS, KERNEL
from collectors.transport.host_answers import HostAnswers, Section

ONE, TWO = "4a8b2c9e-1f0d-4d57-9f0b-6c1f3f6a7e21", "9d0f3b1c-77aa-4c1e-8b62-0f5a1d2c3e4f"
BOTH = f"running\n{ONE} app-1                          \n\ninactive\n{TWO} old one\n\n"


def answers(status: int = 0, **texts: str) -> HostAnswers:
    return HostAnswers({name: Section(name, "", text, "", status) for name, text in texts.items()})


def test_machines_are_read_with_their_names_and_whether_they_run() -> None:
    assert guests(answers(**{GUESTS: BOTH})) == [Guest(ONE, "app-1", True), Guest(TWO, "old one", False)]


def test_only_what_runs_runs_on_the_host() -> None:
    running, inactive = observe(guests(answers(**{GUESTS: BOTH})), "serial:dell:7XK4M93")

    assert running.links == (Link("RUNS_ON", "serial:dell:7XK4M93", method="virsh"),)
    assert inactive.links == ()
    assert {o.role for o in (running, inactive)} == {"reported"}


def test_a_machine_and_its_hypervisor_name_it_alike() -> None:
    dmi = {
        DMI: "sys_vendor\tQEMU\nproduct_name\tStandard PC (Q35 + ICH9, 2009)\n",
        KERNEL: "Linux\n6.1\nx86_64\napp-1\n",
    }
    itself, _ = interpret("app-1", "", answers(**dmi, **{DMI_GUARDED: f"product_uuid\t{ONE.upper()}\n"}), 1)
    host, _ = interpret("hv-1", "", answers(**{GUESTS: BOTH, KERNEL: "Linux\n6.1\nx86_64\nhv-1\n"}), 1)
    told = next(o for o in host.observations if o.attributes["name"] == "app-1")

    assert itself.observations[0].ci_class == told.ci_class == "VirtualMachine"
    assert {i.key for i in told.identifiers} <= {i.key for i in itself.observations[0].identifiers if i.strong}
    assert "hypervisor" in host.observations[0].attributes["roles"]
    assert "hypervisor" not in itself.observations[0].attributes["roles"]


@pytest.mark.parametrize(
    ("text", "status", "is_read"),
    [("running\n\ninactive\n\n", 0, True), ("running\n", 1, False), ("", 125, False)],
    ids=["none is defined", "the daemon does not answer", "no virsh"],
)
def test_absence_is_only_believed_where_all_was_told(text: str, status: int, is_read: bool) -> None:
    report, _ = interpret("hv-1", "", answers(status, **{GUESTS: text}), 1)

    assert ("guests" in report.tables) is is_read


@pytest.mark.parametrize(
    "text", ["running", ONE, f"{ONE} before any heading", "running\nnot-a-uuid name", "\ufffd" * 40]
)
def test_nonsense_is_nothing(text: str) -> None:
    assert guests(answers(**{GUESTS: text})) == []
