"""Asking a network device on its command line: which sessions are opened, and what becomes of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from cmdb.errors import NotFound
from cmdb.observation import Observation, Report
from collectors.approaches import OverCli, Work
from collectors.discover import State, TargetResult, Told, collect
from collectors.targets import replay_targets
from collectors.transport.commands import CliAnswers, CommandAnswer, Outcome, answered
from collectors.transport.commands_recording import CommandLine, CommandsRecording, save_commands
from collectors.transport.network_cli import GENERIC
from collectors.transport.network_replay import recording_of
from collectors.transport.recordings import find_all_recordings
from collectors.transport.session import TransportFailure
from collectors.way_in import RecordedDoor
from tests.unit.cli_answers import AT, EOS, SITES, STACK

IOS = {"sys_object_id": "1.3.6.1.4.1.9.1.2494", "sys_description": "Cisco IOS Software [Gibraltar], CAT9K_IOSXE"}
BY_SNMP = (Told(Report("snmp", "sw-1", 1, (Observation("NetworkDevice", "target:sw-1", {"name": "sw-1", **IOS}),))),)


@dataclass
class Device:
    """A device that answers commands, and notes as which platform it is opened."""

    texts: Mapping[str, str]
    broken: Mapping[str, Outcome] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, platform: str, budget_s: float) -> AsyncIterator[Session]:
        self.opened.append(platform)
        yield Session(self, platform)

    def ask(self, told: Sequence[Told] = ()) -> Told:
        approach = OverCli("sw-1", self.open, lambda: AT, RecordedDoor("command line"))
        return asyncio.run(approach.ask(told, 60))


@dataclass(frozen=True)
class Session:
    device: Device
    platform: str
    target: str = "sw-1"
    address: str = "192.0.2.7"
    banner: str = ""

    async def run(self, commands: Sequence[str]) -> CliAnswers:
        found = {}
        for command in commands:
            text = dedent(self.device.texts.get(command, "% Invalid input detected")).strip("\n")
            outcome = self.device.broken.get(command)
            found[command] = CommandAnswer(command, text, outcome) if outcome else answered(command, text)
        return CliAnswers(self.platform, found)


def test_a_device_that_snmp_told_of_is_opened_as_its_platform() -> None:
    device = Device(STACK)
    told = device.ask(BY_SNMP)

    assert device.opened == ["cisco_xe"]
    assert (told.reason, told.address, told.report.source) == ("", "192.0.2.7", "netmiko")
    assert told.report.complete
    assert told.facts is not None
    assert {n.name for n in told.facts.neighbours} == {"core-1.example.net"}
    assert {t.name for t in told.tables} == set(STACK)


@pytest.mark.parametrize("platform", ["arista_eos", "hp_comware"])
def test_a_device_of_which_nothing_is_known_is_recognised_first(platform: str) -> None:
    device = Device(SITES[platform])
    told = device.ask()

    assert device.opened == [GENERIC, platform]
    assert told.report.observations[0].attributes["serial_number"]
    assert told.reason == ""  # commands that it refuses are answers


def test_what_is_no_network_device_is_told() -> None:
    with pytest.raises(TransportFailure, match="fits no platform known here: 'sh: show: not found") as failure:
        Device({"show version": "sh: show: not found"}).ask()

    assert (failure.value.stage, failure.value.reason) == ("read", "UNKNOWN_PLATFORM")


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.CUT])
def test_a_command_that_breaks_off_is_named(outcome: Outcome) -> None:
    told = Device(STACK, {"show inventory": outcome}).ask(BY_SNMP)

    assert (told.reason, told.detail) == (outcome.value, f"not read to the end: show inventory ({outcome})")
    assert not told.report.complete


def test_a_text_that_is_not_understood_is_named() -> None:
    told = Device(STACK | {"show interfaces": "\n".join(["what is this"] * 20)}).ask(BY_SNMP)

    assert (told.reason, told.detail) == ("UNDECODABLE", "not understood: show interfaces")


async def _read(session: object) -> None:
    return None


def replay(*paths: Path) -> list[TargetResult]:
    work = Work(_read, lambda *_: None, lambda: AT)  # type: ignore[arg-type,return-value] # no agent is recorded here
    return asyncio.run(collect(replay_targets(*find_all_recordings(paths), work)))


def test_recordings_of_command_lines_are_replayed_beside_those_of_hosts(tmp_path: Path) -> None:
    answers = CliAnswers("arista_eos", {c: answered(c, dedent(text)) for c, text in EOS.items()})
    folder = save_commands(tmp_path, "spine/1", "192.0.2.7", recording_of(answers))
    save_commands(tmp_path, "odd", "", CommandsRecording("no_such_platform", (CommandLine("show version", "x"),)))
    save_commands(tmp_path, "web-1", "192.0.2.8", CommandsRecording("host", (CommandLine("hostname", "web-1\n", 0),)))
    save_commands(tmp_path, "empty", "", CommandsRecording("arista_eos", ()))
    (tmp_path / "spoilt.ssh").mkdir()
    (tmp_path / "spoilt.ssh" / "platform").write_text("cisco_ios\n")
    (tmp_path / "spoilt.ssh" / "commands.ndjson").write_text("{}\n")
    found = {result.target: result for result in replay(tmp_path)}
    (alone,) = replay(folder)

    assert {name: (r.state, r.reason) for name, r in found.items()} == {
        "spine_1": (State.OK, ""),
        "odd": (State.FAILED, "UNKNOWN_PLATFORM"),
        "web-1": (State.OK, ""),
        "empty": (State.FAILED, "UNDECODABLE"),
        "spoilt": (State.FAILED, "UNDECODABLE"),
    }
    assert "commands.ndjson:1" in found["spoilt"].detail
    assert found["spine_1"].address == "192.0.2.7"
    assert [t.report.source for t in found["spine_1"].told] == ["netmiko"]
    assert [t.report.source for t in found["web-1"].told] == ["ssh"]
    assert alone.told[0].report == found["spine_1"].told[0].report


def test_a_folder_without_recordings_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"NAME\.ssh"):
        find_all_recordings([tmp_path])
