"""What fails with a device of the demo site, worked out from its file alone, with nothing of the program."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

Program = tuple[str, str]  # device and name


class Plant:
    """A site file as plain data."""

    def __init__(self, file: Path) -> None:
        self.said: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        self.devices: dict[str, Any] = self.said["devices"]
        self.switches = {name for name, d in self.devices.items() if d["family"].startswith("cisco")}
        self.next_to: dict[str, set[str]] = defaultdict(set)
        for ends in self.said["cables"]:
            one, other = (end.partition(":")[0] for end in ends)
            self.next_to[one].add(other)
            self.next_to[other].add(one)

    def outcome(self, seed: str) -> tuple[set[str], dict[str, str]]:
        """Devices that are down when `seed` is, itself among them, and the state of each service."""
        dead, before = {seed}, set[str]()
        while dead != before:
            before = set(dead)
            live = self._connected(dead)
            for name, device in self.devices.items():
                feeds, wires = set(device.get("power", ())), self.next_to[name]
                cut_off = name not in self.switches and wires and not wires & live
                if (feeds and feeds <= dead) or device.get("runs_on") in dead or cut_off:
                    dead.add(name)
        stopped = self._stopped(dead)
        return dead, {s["name"]: self._state(s, dead, stopped) for s in self._services()}

    def _services(self) -> list[dict[str, Any]]:
        return [ci for ci in self.said["services"] if ci["class"] == "Service"]

    def _connected(self, dead: set[str]) -> set[str]:
        """Switches that still have a way to one at which the network is grounded."""
        live = {name for name in self.switches - dead if self.devices[name].get("root_of")}
        while more := {s for s in self.switches - dead - live if self.next_to[s] & live}:
            live |= more
        return live

    def _stopped(self, dead: set[str]) -> set[Program]:
        """Programs on dead devices, and those which can no longer call any of the programs of one name."""
        programs = {
            (device, name): p for device, d in self.devices.items() for name, p in d.get("software", {}).items()
        }
        stopped, before = {p for p in programs if p[0] in dead}, set[Program]()
        while stopped != before:
            before = set(stopped)
            for program, said in programs.items():
                calls: dict[str, set[Program]] = defaultdict(set)
                for call in said.get("calls", ()):
                    device, _, name = call.partition(":")
                    calls[name].add((device, name))
                if any(group <= stopped for group in calls.values()):
                    stopped.add(program)
        return stopped

    def _state(self, service: dict[str, Any], dead: set[str], stopped: set[Program]) -> str:
        groups: dict[str, list[bool]] = defaultdict(list)
        for link in service["links"]:
            groups[link["attributes"]["group_key"]].append(self._program(link["to"]) in stopped)
        for requirement in service.get("requirements", ()):
            groups[requirement["name"]] = [provider["to"] in dead for provider in requirement["providers"]]
        if any(all(lost) for lost in groups.values()):
            return "DOWN"
        return "AT_RISK" if any(any(lost) for lost in groups.values()) else "UP"

    def _program(self, to: str) -> Program:
        """The program that `web-1|SoftwareInstance|tcp-443` names."""
        device, _, key = to.split("|")
        protocol, _, port = key.partition("-")
        listens = (
            name
            for name, said in self.devices[device]["software"].items()
            for place in said["listen"]
            if place.startswith(f"{protocol}/") and place.endswith(f":{port}")
        )
        return device, next(listens)
