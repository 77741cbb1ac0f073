"""Tells network devices by the line with which their SSH server greets (RFC 4253 §4.2)."""

from __future__ import annotations

import re

# Servers that only network devices run. Many others of them run OpenSSH, and look like any host.
_NETWORK = re.compile(
    r"^SSH-[0-9.]+-(?:"
    r"Cisco|HUAWEI|-$|Comware|H3C|3Com|ROSSSH|RomSShell|Mocana SSH|IPSSH|NetScreen|RGOS|Zyxel|lancom"
    r")",
    re.IGNORECASE,
)


def is_of_network_device(line: str) -> bool:
    """Whether a version line names the server of a network device."""
    return _NETWORK.match(line) is not None
