"""The commands that may be sent to network devices: everything else is refused before it is sent."""

from __future__ import annotations

from cmdb.errors import UsageError

# Each of them only shows. A platform file that wants another one needs a line here.
ALLOWED = frozenset(
    {
        "display current-configuration | include sysname",
        "display device manuinfo",
        "display interface",
        "display lldp neighbor",
        "display lldp neighbor-information verbose",
        "display sn license",
        "display version",
        "show cdp neighbors detail",
        "show chassis hardware",
        "show hostname",
        "show interface",
        "show interfaces",
        "show inventory",
        "show lldp neighbors",
        "show lldp neighbors detail",
        "show version",
    }
)


def check(command: str) -> None:
    """Raise UsageError for a command that is not on the list, to the letter."""
    if command not in ALLOWED:
        raise UsageError(f"{command[:80]!r} is not on the list of commands that may be sent to a network device")
