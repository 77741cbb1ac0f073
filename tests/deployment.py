"""Reading the files of deploy/ as those read them who run them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.program import ROOT

DEPLOY = ROOT / "deploy"
PROGRAM, STATE = "/opt/cmdb", "/var/lib/cmdb"  # where the files expect the program and its data


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, continued lines joined."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The words of the exec form."""
        found: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return found


def dockerfile() -> list[Instruction]:
    """The instructions of the image."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text("utf-8")).replace("\\\n", " ")
    return [Instruction(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def last(name: str) -> Instruction:
    """The instruction of this name that holds in the end."""
    return [i for i in dockerfile() if i.name == name][-1]


def image_environment() -> dict[str, str]:
    """The variables of the final image."""
    return dict(word.split("=", 1) for word in shlex.split(last("ENV").rest))


def compose() -> dict[str, dict[str, dict[str, object]]]:
    """The compose file."""
    read: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def unit(name: str) -> dict[str, list[str]]:
    """Key → values of a unit, in the order of the file."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def unit_environment(name: str) -> dict[str, str]:
    """The variables that a unit sets."""
    words = (word for line in unit(name)["Environment"] for word in shlex.split(line))
    return dict(word.split("=", 1) for word in words)


def moved(text: str, program: Path, state: Path) -> str:
    """A command or value with the folders of this test in the place of those of a machine."""
    return text.replace(PROGRAM, str(program)).replace(STATE, str(state))
