"""Who is who where devices lie, are swapped or move: agents on the wire, and what the graph makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from cmdb.entrypoints.discovery import Errand, Progress, discover_into
from cmdb.entrypoints.live import live
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.wiring import Wired, clock_ms
from cmdb.ingest import Ingest
from cmdb.ledger import verify
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.store.protocol import CIRecord
from collectors.responders.agent import Agent
from collectors.responders.mib import Mib, parse_lines
from collectors.scopes import TargetSpec
from collectors.transport.credentials import Community, Secret
from tests.contracts.test_ingest import ids
from tests.network import COMMUNITY, served

SAID = """
2.1.1.1.0|4|Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc3)
2.1.1.2.0|6|1.3.6.1.4.1.9.1.1208
2.1.1.3.0|67|100
2.1.1.5.0|4|{name}
6.3.10.2.1.1.0|4x|{engine}
2.1.17.1.1.0|4x|{mac}00
2.1.2.2.1.1.1|2|1
2.1.2.2.1.2.1|4|GigabitEthernet0/1
2.1.2.2.1.3.1|2|6
2.1.2.2.1.6.1|4x|{mac}01
2.1.2.2.1.7.1|2|1
2.1.2.2.1.8.1|2|1
2.1.31.1.1.1.1.1|4|Gi0/1
2.1.47.1.1.1.1.2.1|4|WS-C2960X-24TS-L
2.1.47.1.1.1.1.5.1|2|3
2.1.47.1.1.1.1.7.1|4|1
2.1.47.1.1.1.1.11.1|4|{serial}
2.1.47.1.1.1.1.13.1|4|WS-C2960X-24TS-L
"""


def switch(number: int, name: str = "", serial: str = "", engine: str = "") -> Agent:
    """A switch of its own in all that it says but for what is given."""
    text = SAID.format(
        name=name or f"sw-{number}",
        serial=serial or f"FOC1111X{number:03d}",
        engine=engine or f"800000090300c4649b0a{number:02x}00",
        mac=f"c4649b0a{number:02x}",
    )
    lines = (f"1.3.6.1.{line}" for line in text.strip().splitlines())
    return Agent(Mib(parse_lines(lines)), (COMMUNITY,))


class Network:
    """Addresses behind which one device answers or another; runs discover them into the graph."""

    def __init__(self, store: BoltStore, model: Model, folder: Path) -> None:
        self.store, self.model, self.folder = store, model, folder
        self.ports: dict[str, int] = {}
        self.ingest = Ingest(store, model, clock_ms, ids())
        self.problems: list[str] = []

    def run(self, **at: Agent) -> dict[str, str]:
        """Discover what answers at each address now; the state of each target."""
        credential = Community("community", "v2c", Secret("env:LAB_COMMUNITY"))
        settings = Settings(data_dir=self.folder)
        parts = Wired(settings, self.store, self.model, self.ingest)
        with served(at, self.ports) as ports:
            self.ports |= ports
            specs = [TargetSpec(t, "127.0.0.1", p, credentials=(credential,)) for t, p in self.ports.items()]
            progress = Progress(len(specs))
            with live(specs, settings) as found:
                asyncio.run(
                    discover_into(parts, found.targets, progress, Errand("test", "test"), lambda: None)
                )  # fmt: skip
        self.problems += [problem.message for problem in progress.problems]
        return {name: visit for name, visit in progress.reached.items()}

    def devices(self) -> dict[str, CIRecord]:
        """Devices by their own MAC address: the one thing that is never anybody else's here."""
        found = [c for c in self.store.scan_cis() if c.ci_class == "NetworkDevice"]
        return {str(mac): c for c in found for mac in (c.attributes.get("mac_addresses") or ["none"])[:1]}  # type: ignore[index]  # a list

    def count(self) -> int:
        return sum(c.ci_class == "NetworkDevice" for c in self.store.scan_cis())

    def asked(self) -> list[tuple[str, str]]:
        """Open questions to people: their kind, and what is proposed."""
        return [(task.kind, task.proposal) for task in self.store.tasks(["open"])]

    def is_sound(self) -> bool:
        return verify(self.store, self.model, deep=True).problems == ()


@pytest.fixture
def network(store: BoltStore, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setenv("LAB_COMMUNITY", COMMUNITY)
    return Network(store, model, tmp_path)


def mac(number: int) -> str:
    return f"c4:64:9b:0a:{number:02x}:00"


@pytest.mark.parametrize(
    "shared",
    [lambda n: switch(n, serial="FOC1111XAAA"), lambda n: switch(n, engine="800000090300c4649b0affff")],
    ids=["one serial number", "one engine id"],
)
def test_two_devices_that_share_what_should_be_unique_are_two(network: Network, shared: Callable[[int], Agent]) -> None:
    network.run(a=shared(1), b=shared(2))
    first = {name: c.id for name, c in network.devices().items()}
    questions = network.asked()
    sequence = network.store.head().sequence
    network.run(a=shared(1), b=shared(2))

    assert set(first) == {mac(1), mac(2)}
    assert questions
    assert {kind for kind, _ in questions} == {"conflict"}
    assert network.store.head().sequence == sequence  # and so it stays
    assert network.is_sound()


def test_another_device_behind_the_same_address_is_a_new_one(network: Network) -> None:
    network.run(a=switch(1))
    network.run(a=switch(2))
    found = network.devices()

    assert set(found) == {mac(1), mac(2)}
    assert {c.name for c in found.values()} == {"sw-1", "sw-2"}
    assert [c.attributes["serial_number"] for c in (found[mac(1)], found[mac(2)])] == ["FOC1111X001", "FOC1111X002"]
    assert [found[mac(n)].status for n in (1, 2)] == ["missing", "in_service"]  # kept, with all that is known of it
    assert network.is_sound()


def test_devices_that_swap_their_addresses_stay_who_they_are(network: Network) -> None:
    network.run(a=switch(1), b=switch(2))
    before = {name: c.id for name, c in network.devices().items()}
    network.run(a=switch(2), b=switch(1))
    after = {name: (c.id, c.name) for name, c in network.devices().items()}

    assert after == {mac(n): (before[mac(n)], f"sw-{n}") for n in (1, 2)}
    assert network.count() == 2
    assert network.is_sound()


def test_an_address_that_moves_to_another_device_takes_nothing_with_it(network: Network) -> None:
    """The first device answers at a new address, a new one at its old address."""
    network.run(a=switch(1))
    (before,) = network.devices().values()
    network.run(a=switch(2), b=switch(1))
    found = network.devices()

    assert (found[mac(1)].id, found[mac(1)].name) == (before.id, "sw-1")
    assert found[mac(2)].id != before.id
    assert network.count() == 2
    assert network.is_sound()


def test_a_device_that_changes_its_name_and_engine_behind_its_address_is_the_same_by_its_serial(
    network: Network,
) -> None:
    network.run(a=switch(1))
    (before,) = network.devices().values()
    network.run(a=switch(1, name="renamed", engine="800000090300c4649b0affff"))
    (after,) = network.devices().values()

    assert (after.id, after.name) == (before.id, "renamed")
    assert network.count() == 1
