"""Decides whether a device is logged in to as a host, as a network device, or not at all."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass
from typing import Literal

from cmdb.observation import Observation
from collectors.cli.greeting import is_of_network_device
from collectors.cli.platform import platform_of
from collectors.discover import Told

Way = Literal["shell", "command line", "none"]

HAVE_A_SHELL = frozenset(("Computer", "VirtualMachine", "StorageDevice"))
_TOOLKITS = ("1.3.6.1.4.1.8072.3.2.", "1.3.6.1.4.1.2021.250.")  # net-snmp and ucd-snmp: they name the system only
_UNAME = re.compile(r"(?:Linux|FreeBSD|OpenBSD|NetBSD|DragonFly) \S+ \d")


def way_in(told: Sequence[Told], greeting: str, protocols: Container[str]) -> Way:
    """The one way in, whichever protocols the scope names: nothing is ever logged in to in both.

    What SNMP told decides. Where it told nothing, the greeting of the SSH server does: a line that only network
    devices have leads to their command line. All others (many network devices run OpenSSH) are hosts where the scope
    names ssh, and network devices where it names netmiko only.
    """
    device = _by_snmp(told)
    if device is None:
        return "command line" if is_of_network_device(greeting) or "ssh" not in protocols else "shell"
    if device.ci_class in HAVE_A_SHELL:
        return "shell"
    if known_platform(told) is not None:
        return "command line"
    return "shell" if device.ci_class == "NetworkDevice" and _is_plain_unix(device) else "none"


def known_platform(told: Sequence[Told]) -> str | None:
    """The device type by what SNMP told; None where it told nothing, or nothing here speaks that command line."""
    device = _by_snmp(told)
    if device is None or device.ci_class in HAVE_A_SHELL:
        return None
    return platform_of(_text(device, "sys_object_id"), _text(device, "sys_description"))


def _is_plain_unix(device: Observation) -> bool:
    """A router made of Linux or BSD, with nobody's appliance around it: its agent and its sysDescr name the system."""
    is_generic = _text(device, "sys_object_id").startswith(_TOOLKITS) and not _text(device, "vendor")
    return is_generic and _UNAME.match(_text(device, "sys_description")) is not None


def _by_snmp(told: Sequence[Told]) -> Observation | None:
    reports = (t.report for t in told if t.report.source == "snmp")
    return next((r.observations[0] for r in reports if r.observations), None)


def _text(device: Observation, attribute: str) -> str:
    found = device.attributes.get(attribute)
    return found if isinstance(found, str) else ""


@dataclass
class Door:
    """The SSH server of one target; `greet` gives its greeting, which is asked for once, and only where it matters."""

    protocols: Container[str]
    greet: Callable[[], Awaitable[str]]
    _greeting: str | None = None

    async def way(self, told: Sequence[Told]) -> Way:
        """See way_in."""
        if self._greeting is None and "ssh" in self.protocols and _by_snmp(told) is None:
            self._greeting = await self.greet()
        return way_in(told, self._greeting or "", self.protocols)


@dataclass(frozen=True)
class RecordedDoor:
    """The way that was taken when a recording was made."""

    taken: Way

    async def way(self, told: Sequence[Told]) -> Way:
        """The same again."""
        return self.taken
