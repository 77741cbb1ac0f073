"""Scopes that a server visits by itself: what is due is read, and what was not read is never taken for gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmdb.entrypoints import discovery
from cmdb.entrypoints.discoverer import DISCOVERS, LOOK_S, Discoverer
from cmdb.entrypoints.live import live
from cmdb.entrypoints.settings import Settings
from cmdb.entrypoints.visits import Visit, known_rounds, known_visits
from cmdb.entrypoints.wiring import Wired, clock_ms
from cmdb.errors import Unreachable, UsageError
from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from collectors.responders.agent import Agent, Faults
from collectors.responders.mib import Entry, Mib, parse_lines
from collectors.scopes import TargetSpec
from tests.contracts.test_ingest import ids
from tests.network import COMMUNITY, served

RECORDINGS = Path(__file__).parents[1] / "golden" / "links" / "aggregate-and-phone"
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
MINUTE_MS = 60_000
SCOPES = """
[[scope]]
name = "site"
credentials = ["community"]
every = {{ {every} }}
target = [{targets}]
[[credential]]
name = "community"
kind = "snmp-v2c"
community = "env:LAB_COMMUNITY"
"""


def entries(name: str, renamed: str = "") -> list[Entry]:
    """What a recorded switch answers, under another name if one is given."""
    lines = (RECORDINGS / f"{name}.snmprec").read_bytes().split(b"\n")
    found = parse_lines(line for line in lines if line.strip())
    return [e._replace(value=renamed.encode()) if renamed and e.oid == SYS_NAME else e for e in found]


class Site:
    """Two switches that are cabled to each other, and the server that watches them."""

    def __init__(self, store: BoltStore, model: Model, folder: Path) -> None:
        self.store, self.model, self.folder = store, model, folder
        self.ports: dict[str, int] = {}
        self.now = clock_ms()
        self.ingest = Ingest(store, model, lambda: self.now, ids())

    @contextmanager
    def answering(self, *names: str, **renamed: str) -> Iterator[None]:
        """Let some switches answer, on the ports that they had before."""
        said = {
            name: Agent(Mib(entries(name, renamed.get(name.replace("-", "_"), ""))), (COMMUNITY,)) for name in names
        }
        with served(said, self.ports) as ports:
            self.ports |= ports
            yield

    def write(self, **every: str) -> None:
        """Write the scopes file."""
        targets = ", ".join(f'{{name = "{n}", address = "127.0.0.1", snmp_port = {p}}}' for n, p in self.ports.items())
        periods = ", ".join(f'{kind} = "{period}"' for kind, period in every.items())
        (self.folder / "scopes.toml").write_text(SCOPES.format(every=periods, targets=targets), "utf-8")

    def discoverer(self, in_flight: int = 200, look_s: float = LOOK_S) -> Discoverer:
        settings = Settings(data_dir=self.folder / "data", scopes=self.folder / "scopes.toml", in_flight=in_flight)
        parts = Wired(settings, self.store, self.model, self.ingest)
        return Discoverer(parts, self.ingest, lambda: self.now, look_s)

    @property
    def visits(self) -> dict[str, Visit]:
        return known_visits(self.folder / "data")

    @property
    def rounds(self) -> set[str]:
        return {kind for _, kind in known_rounds(self.folder / "data")}

    def names(self) -> set[str]:
        return {c.name for c in self.store.scan_cis() if c.ci_class == "NetworkDevice"}

    def ties(self) -> dict[tuple[str, str, str], Any]:
        return {(r.type, r.source, r.target): r.attributes for r in self.store.scan_relationships()}


@pytest.fixture
def site(store: BoltStore, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("LAB_COMMUNITY", COMMUNITY)
    return Site(store, model, tmp_path)


def test_what_is_due_is_read_and_nothing_else_is_asked(site: Site) -> None:
    with site.answering("sw-1", "sw-2"):
        site.write(forwarding="1h")
        discoverer = site.discoverer()
        discoverer.look()
        first, sequence = site.visits, site.store.head().sequence
        discoverer.look()
        second = site.visits
        site.now += 70 * MINUTE_MS
        discoverer.look()

    assert {name: (v.state, v.scope, v.snmp) for name, v in first.items()} == dict.fromkeys(
        ["sw-1", "sw-2"], ("OK", "site", "community")
    )
    assert second == first
    assert {name for name, v in site.visits.items() if v.at > first[name].at} == {"sw-1", "sw-2"}
    assert site.store.head().sequence == sequence
    assert any(type_ == "CONNECTED_TO" for type_, _, _ in site.ties())
    assert site.rounds == {"identity", "inventory", "neighbours", "forwarding"}
    assert {run.actor for run in site.store.runs()} == {DISCOVERS}


@pytest.mark.parametrize("kind", ["identity", "inventory", "neighbours"])
def test_a_visit_that_reads_less_changes_nothing(site: Site, kind: str) -> None:
    """What forwarding tables told, cables with their evidence and VLANs stay as they were."""
    with site.answering("sw-1", "sw-2"):
        site.write(forwarding="1d")
        site.discoverer().look()
        before = site.ties(), [(c.id, c.status, c.attributes) for c in site.store.scan_cis()]
        sequence, visited = site.store.head().sequence, site.visits
        site.write(**{kind: "1h"})
        site.now += 24 * 60 * MINUTE_MS
        site.discoverer().look()

    assert all(visit.at > visited[name].at and visit.state == "OK" for name, visit in site.visits.items())
    assert (site.ties(), [(c.id, c.status, c.attributes) for c in site.store.scan_cis()]) == before
    assert site.store.head().sequence == sequence


def test_a_device_that_is_another_one_is_read_in_full(site: Site) -> None:
    with site.answering("sw-1", "sw-2"):
        site.write(identity="1h")
        site.discoverer().look()
    before = site.names()
    site.now += 70 * MINUTE_MS
    with site.answering("sw-1", "sw-2", sw_1="renamed-1"):
        site.discoverer().look()

    assert "renamed-1" in site.names() - before
    assert len(site.names()) == len(before)


def test_who_is_silent_again_and_again_is_asked_less_often(site: Site) -> None:
    with site.answering("sw-1", "sw-2"):
        site.write(identity="1m")
        site.discoverer().look()
    with site.answering("sw-1"):
        asked = []
        for _ in range(8):
            site.now += 2 * MINUTE_MS
            before = site.visits["sw-2"].silent
            site.discoverer().look()
            asked.append(site.visits["sw-2"].silent - before)

    assert asked == [1, 1, 1, 1, 0, 0, 0, 0]


def test_a_run_that_was_stopped_is_due_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with site.answering("sw-1", "sw-2"):
        site.write(inventory="1h")
        discoverer = site.discoverer(in_flight=1)
        stopping(monkeypatch, discoverer)
        discoverer.look()
        stopped, visited, names = site.rounds, set(site.visits), site.names()
        monkeypatch.undo()
        monkeypatch.setenv("LAB_COMMUNITY", COMMUNITY)
        with live(known_specs(site), Settings(data_dir=site.folder / "data")) as found:
            order = [target.name for target in found.targets]
        site.discoverer().look()

    assert (stopped, visited, len(names)) == (set(), {"sw-1"}, 1)  # what was read is in the graph
    assert order == ["sw-2", "sw-1"]  # the next run goes on
    assert (site.rounds, len(site.names())) == ({"identity", "inventory"}, 2)
    assert [run.complete for run in site.store.runs()] == [True, False]


def known_specs(site: Site) -> list[TargetSpec]:
    return [TargetSpec(name, "127.0.0.1", port) for name, port in site.ports.items()]


def test_a_server_looks_by_itself_and_ends_what_is_under_way(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    before = discovery._Run.results

    def results(run: Any, *given: Any) -> Any:
        begun.set()
        return before(run, *given)

    monkeypatch.setattr(discovery._Run, "results", results)
    mute = Agent(Mib(entries("sw-1")), (COMMUNITY,), faults=Faults(silent=True))
    with served({"sw-1": mute}) as ports:
        site.ports |= ports
        site.write(inventory="1h")
        discoverer = site.discoverer(look_s=0.01)
        discoverer.start()
        has_begun = begun.wait(30)
        discoverer.stop()

    assert has_begun
    assert (site.rounds, site.visits) == (set(), {})
    assert [run.complete for run in site.store.runs()] == [False]


def stopping(monkeypatch: pytest.MonkeyPatch, discoverer: Discoverer) -> None:
    """Stop the server as soon as a device was read."""
    before = discovery._Run._count

    def count(run: Any, result: Any) -> None:
        before(run, result)
        discoverer.stop()

    monkeypatch.setattr(discovery._Run, "_count", count)


def test_what_goes_wrong_is_tried_again_later_and_does_not_end_the_rounds(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.answering("sw-1", "sw-2"):
        site.write(inventory="1h")
        discoverer = site.discoverer()
        monkeypatch.setattr(site.store, "save_run", _refuse)
        discoverer.look()
        monkeypatch.undo()
        monkeypatch.setenv("LAB_COMMUNITY", COMMUNITY)
        discoverer.look()
        at_once = site.rounds
        site.now += 2 * MINUTE_MS
        discoverer.look()

    assert (at_once, site.rounds) == (set(), {"identity", "inventory"})


def _refuse(run: object) -> None:
    raise Unreachable("the store is away")


def test_scopes_that_became_wrong_leave_those_from_before(site: Site) -> None:
    with site.answering("sw-1", "sw-2"):
        site.write(inventory="1h")
        discoverer = site.discoverer()
        (site.folder / "scopes.toml").write_text("[[scope]]\nname = 3\n")
        discoverer.look()

    assert site.rounds == {"identity", "inventory"}
    with pytest.raises(UsageError, match=r"scope\[0\].name"):
        site.discoverer()
